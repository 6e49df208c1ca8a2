/*
 * story.h
 *	  What a training will make, by id, and what of it is there already.
 */
#ifndef CEREBRO_STORY_H
#define CEREBRO_STORY_H

#include "cerebro_pg.h"

typedef struct Story Story;

typedef struct StorySource
{
	const cer_mst *mst;
	const cer_plan *plan;
	const cer_input *inputs;
	size_t n_classes;
	cer_content_hash rows;
	const cer_content_hash *columns; /* by input */
	const cer_artefact *start;       /* NULL: the initial weights */
} StorySource;

/* In the current memory context, which it needs for what it adds later. */
extern Story *story_make(const StorySource *source);
extern const cer_story *story_get(const Story *story);
/* The same epochs, of a triple that ends before. */
extern void story_stop(Story *story, const cer_mst *mst);
/* That a story begins with a change of another model; in the context. */
extern cer_artefact *
story_make_start(const Story *story, const cer_story_start *from);
/* That a model began with; NULL: it began from scratch. */
extern cer_artefact *story_read_start(int32 model);
/* The state after an epoch, from 1; before epoch 1: 0. */
extern cer_id story_get_state(Story *story, uint32 epoch);

/*
 * A model of the task and data version that is this training's result, under
 * the same triple, and that the role may use; 0: there is none.
 */
extern int32 story_find_model(const Story *story, int32 task,
                              int32 data_version, const char *triple);

/*
 * Epochs whose state after the last of them is kept, and which this training
 * would begin with: list of cer_epoch, NIL if there are none.  job: of that job
 * alone; 0: of anybody.
 */
extern List *story_find_epochs(Story *story, const cer_mst *mst, int64 job);
/* Parts of a kept state; NIL if it is gone. */
extern List *story_read_state(const cer_id *state);

/* ------------------------------------------- writing, in an archive scope */

/* What is known of an artefact beside its id; negative: nothing. */
typedef struct ArtefactCost
{
	int64 bytes;
	double seconds;
} ArtefactCost;

/* Makes sure that the artefact is there, and that the model keeps it. */
extern void
story_write_artefact(int32 model, Oid owner, const cer_artefact *artefact,
                     ArtefactCost cost);
/* Rows, columns, encoders, initial state and the training itself. */
extern void story_write_beginning(const Story *story, int32 model, Oid owner,
                                  double read_seconds);
extern void story_write_epoch(Story *story, int32 model, Oid owner,
                              uint32 epoch, ArtefactCost cost);
/* Metrics and scores that the model of a state has on validation rows. */
extern void
story_write_end(Story *story, int32 model, Oid owner, uint32 best_epoch);

#endif
