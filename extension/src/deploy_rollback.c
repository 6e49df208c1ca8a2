/*
 * deploy_rollback.c
 *	  Back to the model before, by the history of a deployment.
 *
 *	 event	  1: a	 2: b	3: c   4: back to 2	  5: back to 1
 *	 answers  a		 b		c	   b			  a
 *
 * Events of rollbacks are passed over, so that one after the other goes
 * further back; a model that was dropped is passed over, too.
 */
#include "deployment.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "model_copy.h"

PG_FUNCTION_INFO_V1(cerebro_rollback_deployment);

/* The event to go back to, its model and layout; false where there is none. */
static bool
find_event(int32 deployment, int32 *event, int32 *model,
           cer_weight_layout *layout)
{
	Oid types[] = {INT4OID, INT4OID};
	Datum values[] = {Int32GetDatum(deployment), 0};
	bool is_null;

	*event = DatumGetInt32(deploy_write(
		"SELECT e.ordinal FROM cerebro.deployment_event e, "
		"(SELECT model, layout, COALESCE(back_to, ordinal) AS place "
		"FROM cerebro.deployment_event "
		"WHERE deployment OPERATOR(pg_catalog.=) $1 "
		"ORDER BY ordinal DESC LIMIT 1) now "
		"WHERE e.deployment OPERATOR(pg_catalog.=) $1 AND e.back_to IS NULL "
		"AND e.ordinal OPERATOR(pg_catalog.<) now.place "
		"AND (e.model OPERATOR(pg_catalog.<>) now.model "
		"OR e.layout OPERATOR(pg_catalog.<>) now.layout) "
		"AND EXISTS (SELECT FROM cerebro.model m "
		"WHERE m.id OPERATOR(pg_catalog.=) e.model) "
		"ORDER BY e.ordinal DESC LIMIT 1",
		1, types, values, &is_null));
	if (is_null)
		return false;
	values[1] = Int32GetDatum(*event);
	*model =
		DatumGetInt32(deploy_write("SELECT model FROM cerebro.deployment_event "
	                               "WHERE deployment OPERATOR(pg_catalog.=) $1 "
	                               "AND ordinal OPERATOR(pg_catalog.=) $2",
	                               2, types, values, NULL));
	*layout = copy_find_layout(TextDatumGetCString(
		deploy_write("SELECT layout FROM cerebro.deployment_event "
	                 "WHERE deployment OPERATOR(pg_catalog.=) $1 "
	                 "AND ordinal OPERATOR(pg_catalog.=) $2",
	                 2, types, values, NULL)));
	return true;
}

Datum
cerebro_rollback_deployment(PG_FUNCTION_ARGS)
{
	ScoreAnswer answer;
	cer_weight_layout layout;
	Model model;
	Task *task;
	Oid function;
	int32 deployment, event, id;

	PreventCommandIfReadOnly("cerebro.rollback_deployment()");
	function = deploy_find_function(PG_GETARG_TEXT_PP(0));
	deploy_check_owner(function);
	deploy_lock_function(function);
	deployment = deployment_find_of_function(function, &answer);
	if (!find_event(deployment, &event, &id, &layout))
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("function %s has no model before this one",
		                format_procedure(function)),
		         errdetail("Models that were dropped do not come back."),
		         errhint("The view cerebro.deployment_history lists those "
		                 "that answered.")));
	model_open(id, &model);
	deploy_lock_model(id);
	task = task_find_by_id(model.task, true);
	model.layout = layout;
	/* the rights are the deployment's, not the model's */
	model.has_owner_rights = deploy_has_owner_rights(deployment);
	copy_make(&model, task);
	deploy_switch(function, task, &model, event);
	copy_drop_unused();
	deploy_announce();
	PG_RETURN_INT32(id);
}
