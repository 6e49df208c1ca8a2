/*
 * help.c
 *	  cerebro.help: what a word means, of the language or of the extension's
 *	  types, functions, operators and views, whose comments tell.
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
	add_operators(&help, word, schema);
	add_view(&help, word, schema);
	if (help.len == 0)
		host_check(status, &err);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(help.data, help.len));
}
