/*
 * help.c
 *	  cerebro.help: what a word means, of the language or of the extension's
 *	  types, functions, operators and views, whose comments tell; the catalog
 *	  has no comments of arguments, so those are told here.
 */
#include "type.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(cerebro_help);

static void
add_heading(StringInfo help, const char *name, const char *kind,
            const char *comment)
{
	if (help->len > 0 && help->data[help->len - 1] != '\n')
		appendStringInfoChar(help, '\n');
	appendStringInfo(help, "%s (%s): %s\n", name, kind, comment ? comment : "");
}

/* ------------------------------------------------------------- functions */

static void
add_function(StringInfo help, HeapTuple tuple)
{
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	Datum oid = ObjectIdGetDatum(form->oid);
	Datum arguments = DirectFunctionCall1(pg_get_function_arguments, oid);
	Datum result = DirectFunctionCall1(pg_get_function_result, oid);
	const char *name = NameStr(form->proname);

	add_heading(help, name, "function",
	            GetComment(form->oid, ProcedureRelationId, 0));
	appendStringInfo(help, "  cerebro.%s(%s) returns %s\n", name,
	                 TextDatumGetCString(arguments),
	                 TextDatumGetCString(result));
}

static void
add_functions(StringInfo help, const char *name, Oid schema)
{
	CatCList *list =
		SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));

	for (int i = 0; i < list->n_members; i++)
	{
		HeapTuple tuple = &list->members[i]->tuple;

		if (((Form_pg_proc) GETSTRUCT(tuple))->pronamespace == schema)
			add_function(help, tuple);
	}
	ReleaseSysCacheList(list);
}

/* ------------------------------------------------------------- arguments */

/* Functions as a user meets them; a test asks for all of theirs. */
static const struct
{
	const char *name;
	const char *functions;
	const char *help;
} arguments[] = {
	{"algorithm", "search",
     "grid: the space's points in order; random: trials drawn by seed; halving: few epochs first, the better third goes on"},
	{"as_of", "create_task",
     "expression: when the prediction is made; FE sees nothing later of tables that have a time"},
	{"at_most", "compare_rows, points",
     "how many rows are returned at most; of points more are an error"},
	{"budget", "search",
     "an interval: no trial begins when it is over; NULL: none"},
	{"change", "train_change",
     "what turns the model's triple into the new one: 'SET AS = mlp(512, 128)', 'ADD FE distance'"},
	{"child", "add_relationship", "the table that refers"},
	{"child_columns", "add_relationship", "the columns by which it refers"},
	{"classes", "add_classes",
     "new values of the label that become classes; all of them unless named"},
	{"definition", "define_structure",
     "parameters and layers: '(width integer = 64) = dense(width) > relu'"},
	{"example", "predict, predict_class, predict_proba, why",
     "a row that has the model's columns"},
	{"exclude", "create_task",
     "columns that are not known when the prediction is made: no network of the task may use them"},
	{"fetch_seconds", "archive_plan, archive_pack",
     "how long a training may wait for the state that it goes on from"},
	{"job", "cancel, resume",
     "number of an attempt, as cerebro.progress and cerebro.jobs have it"},
	{"key", "create_task",
     "columns that identify a row; the primary key where there is one, else required"},
	{"label", "create_task",
     "the expression to predict: boolean, text, integer or enum; a comparison makes two classes of a number"},
	{"label_known", "create_task",
     "expression: when the label was known; until then other rows' features do not see it"},
	{"layout", "deploy",
     "fp32: the model's weights answer; bf16, int8: a copy in fewer bytes"},
	{"metric", "create_task",
     "what orders the leaderboard: log_loss, auc or accuracy"},
	{"model",
     "train_change, evaluate, predict, deploy, lineage, drop_model, grant_model",
     "number of a model, as cerebro.models has it"},
	{"models", "ensemble, compare",
     "numbers of models, as cerebro.models has them"},
	{"mst", "train, explain_train, graph, describe",
     "a triple; what it leaves out has a default"},
	{"name", "create_task, deploy, define_structure",
     "what the task, the deployed function or the structure is called"},
	{"new_name", "rename_task", "what the task is called from now on"},
	{"new_owner", "reassign", "the role that gets all of it"},
	{"old_owner", "reassign", "the role that gives all of it"},
	{"parent", "add_relationship", "the table that is referred to"},
	{"parent_columns", "add_relationship",
     "the columns that identify its rows, in the order of child_columns"},
	{"positive", "create_task",
     "of two classes, the one whose probability is asked; true or 1 where there is one, else required"},
	{"privilege", "grant_model",
     "use: predict; read: also see weights, lineage and comparisons; own: all of it"},
	{"refresh", "profile", "true: reads the rows anew; false: what is kept"},
	{"resamples", "compare_pair",
     "how often the validation rows are drawn anew for the intervals"},
	{"rights", "deploy",
     "with which other tables are read: invoker (of who calls) or owner (of the function's owner); else as before"},
	{"role", "grant_model, revoke_model", "who may use the model"},
	{"seed", "search, sample, compare_pair",
     "what is drawn at random is the same for the same seed"},
	{"size", "ensemble", "how often a model is chosen, 25 unless said"},
	{"source", "create_task",
     "a SELECT whose rows are trained with; over one table or view it can be deployed"},
	{"space", "search, cardinality, points, sample",
     "a set of triples: 'AS mlp({64, 128} x 1..3) PT lr = 1e-4..1e-2 log'"},
	{"split", "create_task",
     "which rows train, validate and test: random, group, time or column"},
	{"task", "train, search, leaderboard, profile, part, rename_task, history",
     "name of a task, as cerebro.tasks has it"},
	{"trials", "search", "how many triples are drawn; 0: 20"},
	{"wait", "train, train_change",
     "true: trains now, in this session; false: a background worker does once the transaction has committed"},
	{"warm", "train_change",
     "true: begins with the model's weights, made to fit; false: from scratch"},
	{"who", "history, history_tree",
     "the role whose models they are; the current one unless said"},
};

static void
add_argument(StringInfo help, const char *name)
{
	for (int i = 0; i < lengthof(arguments); i++)
		if (pg_strcasecmp(arguments[i].name, name) == 0)
			add_heading(help, arguments[i].name,
			            psprintf("argument of %s", arguments[i].functions),
			            arguments[i].help);
}

/* ------------------------------------------------------------- operators */

static void
add_operator(StringInfo help, HeapTuple tuple)
{
	Form_pg_operator form = (Form_pg_operator) GETSTRUCT(tuple);
	const char *name = NameStr(form->oprname);

	add_heading(help, name, "operator",
	            GetComment(form->oid, OperatorRelationId, 0));
	appendStringInfo(help, "  %s %s %s returns %s\n",
	                 format_type_be_qualified(form->oprleft), name,
	                 format_type_be_qualified(form->oprright),
	                 format_type_be(form->oprresult));
}

static void
add_operators(StringInfo help, const char *name, Oid schema)
{
	CatCList *list = SearchSysCacheList1(OPERNAMENSP, CStringGetDatum(name));

	for (int i = 0; i < list->n_members; i++)
	{
		HeapTuple tuple = &list->members[i]->tuple;

		if (((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace == schema)
			add_operator(help, tuple);
	}
	ReleaseSysCacheList(list);
}

/* ----------------------------------------------------------------- views */

static void
add_columns(StringInfo help, Oid view)
{
	Relation relation = relation_open(view, AccessShareLock);
	TupleDesc desc = RelationGetDescr(relation);

	for (AttrNumber i = 1; i <= desc->natts; i++)
	{
		const char *comment = GetComment(view, RelationRelationId, i);

		appendStringInfo(help, "  %s%s%s\n",
		                 NameStr(TupleDescAttr(desc, i - 1)->attname),
		                 comment ? ": " : "", comment ? comment : "");
	}
	relation_close(relation, AccessShareLock);
}

static void
add_view(StringInfo help, const char *name, Oid schema)
{
	Oid view = get_relname_relid(name, schema);

	if (!OidIsValid(view) || get_rel_relkind(view) != RELKIND_VIEW)
		return;
	add_heading(help, name, "view", GetComment(view, RelationRelationId, 0));
	add_columns(help, view);
}

/* ----------------------------------------------------------------- types */

/* Not those of rows, which views have, nor of arrays. */
static void
add_type(StringInfo help, const char *name, Oid schema)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
	                           CStringGetDatum(name), ObjectIdGetDatum(schema));

	if (!OidIsValid(type) || get_typtype(type) != TYPTYPE_BASE ||
	    OidIsValid(get_element_type(type)))
		return;
	add_heading(help, name, "type", GetComment(type, TypeRelationId, 0));
}

/* ------------------------------------------------------------------ help */

Datum
cerebro_help(PG_FUNCTION_ARGS)
{
	cer_arena *arena = type_enter(fcinfo)->arena;
	char *word = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	StringInfoData help;
	cer_text text;
	cer_error err;
	cer_status status = cer_help(arena, host_text(word), &text, &err);

	initStringInfo(&help);
	if (status == CER_OK)
		appendBinaryStringInfo(&help, text.data, text.size);
	add_type(&help, word, schema);
	add_functions(&help, word, schema);
	add_argument(&help, word);
	add_operators(&help, word, schema);
	add_view(&help, word, schema);
	if (help.len == 0)
		host_check(status, &err);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(help.data, help.len));
}
