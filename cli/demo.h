/*
 * demo.h
 *	  The story that `cerebro demo` tells, as data: each step is shown with its
 *	  SQL before that runs.
 */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#define DEMO_SCHEMA "demo"
#define DEMO_TASK   "late"

typedef enum demo_kind
{
	DEMO_COMMAND, /* nothing to show but that it is done */
	DEMO_ROWS,    /* a table to show */
	DEMO_TRAIN    /* takes a while: a bar */
} demo_kind;

typedef struct demo_step
{
	const char *title; /* NULL: goes on with the step before */
	const char *text;  /* NULL: none; lines end with \n */
	const char *sql;   /* %MODEL% is the best model's number */
	demo_kind kind;
} demo_step;

extern const char *const demo_files[]; /* ended by NULL */
extern const demo_step demo_steps[];   /* ended by sql = NULL */
extern const char demo_start_text[];
extern const char demo_import_text[];
extern const char *const demo_end[3][2]; /* command, what it is for */

#endif
