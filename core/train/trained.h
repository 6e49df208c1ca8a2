/*
 * train/trained.h
 *	  What training leaves behind, for the store to make parts of.
 */
#ifndef CER_TRAIN_TRAINED_H
#define CER_TRAIN_TRAINED_H

#include "data/encode.h"
#include "nn/net.h"

/* All of it is the trainer's. */
typedef struct cer_trained
{
	const cer_mst *mst;
	const cer_encoders *encoders;
	const cer_net *net;
	const float *weights; /* of the best epoch, flat as net says */
	const char *kernel_class;
	const cer_encoded *train;
	size_t n_valid;
	const float *valid_proba; /* (n_valid, n_classes) of the best epoch */
	double temperature;       /* that makes them better; 1: none */
} cer_trained;

/* CER_BAD_CALL before the first epoch is done. */
extern cer_status cer_trainer_get_trained(const cer_trainer *trainer,
                                          cer_trained *trained, cer_error *err);

#endif
