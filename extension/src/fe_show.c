/*
 * fe_show.c
 *	  cerebro.feature_query(): what a triple reads, as SQL that can be run.
 */
#include "fe.h"

#include "utils/builtins.h"

#include "structure.h"

PG_FUNCTION_INFO_V1(cerebro_feature_query);

Datum
cerebro_feature_query(PG_FUNCTION_ARGS)
{
	Task *task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char *triple = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const cer_mst *mst;
	int level;
	const Features *features;

	mst = structure_parse(triple);
	level = settings_enter(task);
	features = fe_make(task, mst, true);
	settings_leave(level);
	PG_RETURN_TEXT_P(cstring_to_text(features->task->query));
}
