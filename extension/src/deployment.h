/*
 * deployment.h
 *	  Deployments and the functions that belong to them.
 */
#ifndef CEREBRO_DEPLOYMENT_H
#define CEREBRO_DEPLOYMENT_H

#include "cerebro_pg.h"

#include "nodes/pg_list.h"

/* How each answer is deployed. */
typedef struct AnswerRow
{
	const char *suffix; /* of the function's name */
	const char *scorer; /* in schema cerebro */
	const char *type;
	const char *comment; /* takes the task's label */
} AnswerRow;

#define N_ANSWERS (ANSWER_PROBA + 1)

extern const AnswerRow deployment_answers[N_ANSWERS]; /* by ScoreAnswer */

extern char *deployment_make_body(int32 deployment, ScoreAnswer answer);
/* Functions over the row type that have the body. */
extern List *deployment_find_functions(Oid row_type, const char *body);
/* The deployment that a function's body names, or 0. */
extern int32 deployment_find_of_function(Oid function, ScoreAnswer *answer);
/* Whether a function that names the deployment is no mere look-alike. */
extern bool deployment_has_function(int32 id, Oid function);
extern Oid deployment_get_function_owner(Oid function);
extern void deployment_report_missing(int32 id) pg_attribute_noreturn();

#endif
