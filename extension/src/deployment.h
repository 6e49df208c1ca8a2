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

#define N_ANSWERS (ANSWER_WHY + 1)

extern const AnswerRow deployment_answers[N_ANSWERS]; /* by ScoreAnswer */

extern char *deployment_make_body(int32 deployment, ScoreAnswer answer);
/* Functions over the row type that have the body. */
extern List *deployment_find_functions(Oid row_type, const char *body);
/* The deployment that a function's body names, or 0. */
extern int32 deployment_find_of_function(Oid function, ScoreAnswer *answer);
/* Whether a function that names the deployment is no mere look-alike. */
extern bool deployment_has_function(int32 id, Oid function);
extern Oid deployment_get_function_owner(Oid function);
/* 'owner' rather than 'invoker', or an error; and back. */
extern bool deployment_is_owner_rights(const char *rights);
extern const char *deployment_name_rights(const Model *model);
extern void deployment_report_missing(int32 id) pg_attribute_noreturn();

/* ------------------------------------------------- deploying (deploy.c) */

/* Runs one parameterised command as the extension's owner; its first value,
 * where it is not NULL. */
extern Datum deploy_write(const char *command, int n_args, const Oid *types,
                          const Datum *values, bool *is_null);
/* What people call a deployment: name, or schema.name. */
extern List *deploy_parse_name(text *name);
/* The one deployed function of the name, among all argument types. */
extern Oid deploy_find_function(text *name);
extern void deploy_check_owner(Oid function);
/* Nobody else deploys under the function's name until the transaction ends. */
extern void deploy_lock_function(Oid function);
/* The model stays until this transaction ends, or is reported as gone. */
extern void deploy_lock_model(int32 id);
/* Whether it reads with its owner's rights, as the latest transaction left it. */
extern bool deploy_has_owner_rights(int32 deployment);
/* Lets an existing function answer with another model, as the event that
 * back_to names did, or 0; checks all rights. */
extern void deploy_switch(Oid function, const Task *task, const Model *model,
                          int32 back_to);
/* Every session, on standbys too, looks again after this transaction. */
extern void deploy_announce(void);

/* ------------------------------------ scores of validation rows (quantile) */

/* real[] of them, 0 to 100 %, or NULL (0): not two classes, or no rows. */
extern Datum deploy_make_quantiles(int32 model);
/* Share of rows that a deployment scores at most at the value; below 0 where
 * nothing is known. */
extern double deploy_find_share(int32 deployment, double value);

#endif
