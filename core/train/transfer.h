/*
 * train/transfer.h
 *	  The weights of one network as the start of another that computes the
 *	  same, where there is a way (Chen, Goodfellow, Shlens: Net2Net, 2016).
 *
 *	 wider		units are copied, what they feed is divided among the copies by
 *				random shares, so that copies learn apart
 *	 narrower	the units that the loss would miss most, which computes something
 *				else
 *	 deeper		a layer that hands on what it gets: after relu the identity;
 *				beside an input that is added to its output, zeros; a narrower
 *				one hands on the units that the loss would miss most
 *	 inputs		new ones get zeros, the mean contribution of those that are gone
 *				goes into the bias; values of a category that are new start as
 *				the unseen ones, which they were
 *	 classes	new ones get the mean of the others' weights, which softmax takes
 *				for nothing, and a bias so low that they are never predicted,
 *				until training begins
 *	 encoders	another encoder of a column: what comes closest to what the
 *				column contributed
 */
#ifndef CER_TRAIN_TRANSFER_H
#define CER_TRAIN_TRANSFER_H

#include "train/trainer.h"

/* A trained network, flat arrays as its net says. */
typedef struct cer_transfer_source
{
	const cer_encoders *encoders;
	const cer_net *net;
	const float *weights;
	cer_moments_kind moments; /* of its optimizer: */
	const float *m;           /* NULL: not known */
	const float *v;           /* NULL: there are none */
	uint64_t n_steps;         /* of the optimizer */
	const float *means;       /* of encoded training rows, see cer_means_make;
							   * NULL: not known */
} cer_transfer_source;

/* In a description: rows that a network keeps are not those of its source. */
#define CER_OTHER_ROWS "other rows that are kept"

/* What became of it. */
typedef struct cer_transfer_result
{
	float *weights; /* flat, of the run; in the arena */
	float *m;       /* NULL: the optimizer starts anew */
	float *v;
	bool is_exact; /* it computes what the source does */
	char text[CER_START_TEXT];
} cer_transfer_result;

/*
 * False: the networks are too different; text says in which.  The seed is that
 * of the new network's triple.
 */
extern cer_status
cer_transfer_make(cer_arena *arena, const cer_transfer_source *source,
                  const cer_trainer *trainer, cer_transfer_result *result,
                  bool *is_made, cer_error *err);

/* Training's first step where there are n_old classes and new ones: these get
 * their share.  Once it is known what the network computes before. */
extern cer_status
cer_classes_begin(cer_arena *arena, cer_run *run, size_t n_old, cer_error *err);

/* Floats of means: one a number, then one for each code of each table. */
extern size_t cer_means_count(const cer_input_shape *shape);
/* Means of numbers, shares of codes. */
extern cer_status
cer_means_make(cer_arena *arena, const cer_input_shape *shape,
               const cer_encoded *rows, float *means, cer_error *err);

#endif
