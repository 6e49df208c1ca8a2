/*
 * lang/space_private.h
 *	  What the files of spaces share: ranges, choosing, matching.
 */
#ifndef CER_LANG_SPACE_PRIVATE_H
#define CER_LANG_SPACE_PRIVATE_H

#include "base/random.h"
#include "lang/path.h"
#include "lang/pattern.h"
#include "lang/space.h"

/* ----------------------------------------------------------- ranges */

/* lo..hi [log] [step s]; a step adds, or multiplies where it is log. */
typedef struct cer_range
{
	double least;
	double most;
	double step; /* 0: none */
	bool is_log;
	bool is_whole; /* whole numbers only */
} cer_range;

/* arg is what the value is for, or NULL: whole where both ends are. */
extern void
cer_range_init(cer_range *range, const cer_ast *ast, const cer_arg *arg);
/* INFINITY: continuous; 0: the ends are the wrong way round. */
extern double cer_range_count(const cer_range *range);
/* The i-th of so many. */
extern double cer_range_get(const cer_range *range, double i);
extern double cer_range_draw(const cer_range *range, double uniform);
extern bool cer_range_contains(const cer_range *range, double number);

/* ----------------------------------------------------------- choosing */

/*
 * Decides wherever a space leaves a choice, in the order in which they are
 * met: by random numbers, or by the digits of a counter, whose bases it learns
 * on the way.
 */
typedef struct cer_chooser
{
	bool is_random;
	cer_random random;
	uint64_t draw;
	uint32_t n_made; /* decisions so far */
	double *digits;
	double *bases;
	uint32_t n_digits; /* room for */
} cer_chooser;

/*
 * One triple of the space; NULL where what was chosen makes none.  Conditions
 * hold for the triple itself.
 */
extern cer_status
cer_space_choose(cer_arena *arena, const cer_space *space, cer_chooser *chooser,
                 const cer_mst **mst, cer_error *err);

/* The argument of a word's that a child of its call is. */
extern const cer_arg *
cer_child_get_arg(const cer_word *word, const cer_ast *child, size_t position);

/* name = value, perhaps optional, on a condition or one of several. */
extern bool cer_child_is_named(const cer_ast *child);
/* The call of a space gives an argument of this name without its name. */
extern bool
cer_call_has_position(const cer_ast *call, const cer_word *word, cer_text name);

/* ----------------------------------------------------------- matching */

extern bool cer_space_match_items(const cer_ast *fe, const cer_ast *triple);
/* What stands for it in the triple cannot be nothing. */
extern bool cer_space_is_needed(const cer_ast *space, const cer_ast *triple);
extern bool
cer_space_match_encoder(const cer_ast *space, const cer_ast *encoder,
                        const cer_ast *triple);

/* CONDITION: its path has its value in the triple. */
extern bool
cer_condition_holds(const cer_ast *condition, const cer_ast *triple);

#endif
