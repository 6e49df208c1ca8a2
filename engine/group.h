/*
 * group.h
 *	  The triples of a group, trained together.
 */
#ifndef ENGINE_GROUP_H
#define ENGINE_GROUP_H

#include "run.h"

typedef struct group_work
{
	cer_arena *arena; /* lives as long as the session */
	cer_dataset *dataset;
	run *runs;
	size_t n_runs;
	bool repeats_rows; /* see cer_encoding_repeat_rows */
} group_work;

/*
 * Trains every run that is not skipped; sends TRIPLE_DONE or TRIPLE_FAILED of
 * each that began.  An error is that of the whole group; triple says in whose
 * training it came up.
 */
extern cer_status group_train(session *s, const group_work *work,
                              uint32_t *triple, cer_error *err);

#endif
