/*
 * train/optimizer.h
 *	  What moves weights along gradients.
 *
 * The arithmetic is PyTorch's (SGD, Adam, AdamW, NAdam, Muon): every weight
 * moves in every step, also where its gradient is zero.
 */
#ifndef CER_TRAIN_OPTIMIZER_H
#define CER_TRAIN_OPTIMIZER_H

#include "nn/graph.h"

typedef struct cer_optimizer_state
{
	const cer_kernels *kernels;
	const cer_settings *settings;
	float *weights;
	const float *grads;
	const float *rates; /* by CER_TENSOR_FLOATS weights; NULL: all alike */
	float *m;           /* first moment, or velocity */
	float *v;           /* second moment; NULL for sgd */
	uint64_t n_steps;
	uint64_t n_total;   /* steps of the whole training; 0: not known */
	uint64_t n_before;  /* steps of another training that moments come from */
	double rate;        /* before the schedule's share; the run's to set */
	double lr;          /* of the step in work */
	double decay;       /* of the step in work */
	double momentum;    /* nadam: product of the momenta of all steps */
	uint64_t n_momenta; /* steps that are in it */
	cer_step step;      /* factors of the step in work */
	cer_graph *graph;
	double *squares;       /* with clipping: of a tensor's gradient */
	struct cer_muon *muon; /* or NULL */
	/* by CER_TENSOR_FLOATS weights: what to add to their gradients, times the
	 * weights; NULL: nothing, see embed_decay.c */
	const float *const *decays;
} cer_optimizer_state;

/* What an optimizer keeps of the steps before. */
typedef enum cer_moments_kind
{
	CER_MOMENTS_VELOCITY, /* of sgd */
	CER_MOMENTS_ADAM,     /* means of gradients and of their squares */
	CER_MOMENTS_MUON      /* the same, of hidden matrices without squares */
} cer_moments_kind;

extern cer_moments_kind cer_optimizer_get_moments(const cer_settings *settings);

/* Moves the graph's weights; settings must live as long. */
extern cer_status
cer_optimizer_make(cer_arena *arena, cer_graph *graph,
                   const cer_settings *settings,
                   cer_optimizer_state **optimizer, cer_error *err);
/* What codes stand for decays by how many of the training rows have them. */
extern cer_status
cer_optimizer_add_embed_decay(cer_arena *arena, cer_optimizer_state *optimizer,
                              const cer_encoded *train, cer_error *err);
/* Called where a step begins, for weights offset .. offset + n of a tensor. */
extern void cer_optimizer_decay_embeds(const cer_optimizer_state *optimizer,
                                       size_t offset, size_t n);
/* Before and after each cer_graph_update. */
extern void cer_optimizer_begin_step(cer_optimizer_state *optimizer);
extern void cer_optimizer_end_step(cer_optimizer_state *optimizer);

#endif
