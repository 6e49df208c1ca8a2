/*
 * state.h
 *	  States of training on their way through the engine.
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "session.h"

/* The state that a triple starts from, as far as it has come; all zero: none. */
typedef struct start_state
{
	bool is_other; /* a model, of which it is a change */
	uint32_t n_parts;
	cer_part *parts;
	size_t *n_received; /* bytes of each */
} start_state;

/* Pieces come from the server: what does not fit together is an error. */
extern cer_status start_add(start_state *start, cer_arena *arena,
                            const cer_group_part *piece, cer_error *err);
/* CER_OK without a state; else the trainer goes on from it, or begins with it
 * and says so. */
extern cer_status
start_use(session *s, uint32_t triple, const start_state *start,
          cer_trainer *trainer, cer_error *err);

/* Sends one part of a model, or of a state, in pieces. */
extern cer_status
send_part(session *s, const cer_group_part *place, const cer_part *part,
          const uint32_t *epoch, cer_error *err);

#endif
