/*
 * train/trainer.h
 *	  A triple in training: encoders and a run, what a model is made of.
 */
#ifndef CER_TRAIN_TRAINER_H
#define CER_TRAIN_TRAINER_H

#include "data/encode.h"
#include "train/run.h"
#include "train/trained.h"

struct cer_encoding
{
	cer_host host;
	cer_arena *arena;     /* of all that follows */
	cer_dataset *dataset; /* the caller's: lends labels and row keys */
	const cer_encoders *encoders;
	cer_encoded train;
	cer_encoded valid;
	bool repeats_rows;
};

struct cer_trainer
{
	cer_host host;
	cer_arena *arena;   /* of run and shape */
	const cer_mst *mst; /* the caller's */
	cer_encoding *own;  /* or NULL: it trains over another's */
	/* the encoding's */
	cer_dataset *dataset;
	const cer_encoders *encoders;
	cer_encoded train;
	cer_encoded valid;
	bool repeats_rows;
	cer_run
		*run; /* its net, best_weights (flat, see cer_net_tensor), best_proba
				   * (n_valid, n_classes) and best_epoch make a model */
};

#endif
