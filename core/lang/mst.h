/*
 * lang/mst.h
 *	  A triple as the rest of the library reads it.
 *
 * The parser fills FE, AS and PT as written; cer_mst also carries what the
 * later stages need, with every default of the language version put in.
 */
#ifndef CER_LANG_MST_H
#define CER_LANG_MST_H

#include "lang/layer.h"

typedef enum cer_optimizer
{
	CER_SGD,
	CER_ADAM,  /* decay, if any, is L2 in the gradient */
	CER_ADAMW, /* decoupled decay (Loshchilov, Hutter 2019) */
	CER_NADAM, /* Adam with Nesterov's momentum (Dozat 2016) */
	CER_MUON   /* steps of hidden matrices made orthogonal (Jordan 2024) */
} cer_optimizer;

/* How the learning rate goes through a training; see core/train/schedule.c. */
typedef enum cer_schedule
{
	CER_SCHEDULE_CONSTANT,
	CER_SCHEDULE_COSINE,
	CER_SCHEDULE_ONECYCLE,
	CER_SCHEDULE_COSLOG,
	CER_SCHEDULE_PLATEAU
} cer_schedule;

/* By what the best epoch is chosen, on validation rows. */
typedef enum cer_metric
{
	CER_METRIC_LOG_LOSS,
	CER_METRIC_AUC,
	CER_METRIC_ACCURACY
} cer_metric;

/* How much rows of a class count in the loss. */
typedef enum cer_class_weighting
{
	CER_CLASSES_AS_ROWS,
	CER_CLASSES_BALANCED, /* each class as much as any other */
	CER_CLASSES_LISTED
} cer_class_weighting;

typedef enum cer_products
{
	CER_PRODUCTS_FP32,
	CER_PRODUCTS_BF16
} cer_products;

/* The learning rate up to an epoch. */
typedef struct cer_piece
{
	double lr;
	size_t until; /* the last epoch that has it; 0: all that follow */
} cer_piece;

/* PT with every default put in. */
typedef struct cer_settings
{
	cer_optimizer optimizer;
	double lr;
	size_t n_pieces; /* 0: lr in all epochs */
	const cer_piece *pieces;
	double beta1;
	double beta2;
	double epsilon;
	double momentum;       /* sgd, muon */
	double momentum_decay; /* nadam */
	double decay;
	size_t batch; /* 0: by the number of training rows */
	size_t epochs;
	size_t stop;     /* the last that is trained; 0: all are */
	size_t patience; /* epochs without a better valid loss; 0: never stop */
	cer_activation activation;
	double dropout;
	cer_schedule schedule;
	double warmup;      /* share of steps in which the rate rises */
	double fade;        /* share in which dropout and decay fall to 0 */
	double smoothing;   /* share of a label that goes to all classes alike */
	double clip;        /* largest norm of a gradient; 0: any */
	double mixup;       /* alpha of the shares of rows in a mix; 0: none */
	double embed_decay; /* of what codes stand for, by row; 0: none */
	double average; /* share of their mean that weights keep a step; 0: none */
	size_t shuffle; /* rows that are shuffled together; 0: all */
	double focal;   /* gamma; 0: all rows count alike */
	cer_class_weighting weighting;
	size_t n_class_weights;
	const double *class_weights; /* CER_CLASSES_LISTED */
	cer_metric metric;
	cer_products products; /* numbers that dense layers multiply */
	uint64_t seed;
} cer_settings;

struct cer_mst
{
	size_t n_items;
	const cer_fe_item *items;      /* FE as written; FE * when left out */
	const cer_layer *structure;    /* AS resolved with PT's defaults; NULL: it
	                             * names structures that are not bound */
	cer_settings settings;         /* PT resolved */
	const struct cer_ast *ast;     /* canonical, for the printer; lang only */
	const struct cer_ast *unknown; /* the first structure that is not bound */
	bool is_auto;                  /* AS auto: there is no structure yet */
	double budget;                 /* of it, in seconds; 0: none */
};

/* The rate in force in an epoch, from 1 on, before the schedule's share. */
extern double cer_settings_get_rate(const cer_settings *settings, size_t epoch);
/* The last epoch, if patience lets it come. */
extern size_t cer_settings_get_last(const cer_settings *settings);

extern const char *cer_activation_name(cer_activation activation);
extern const char *cer_encoder_name(cer_encoder_kind kind);
extern bool cer_encoder_wants_number(cer_encoder_kind kind);

#endif
