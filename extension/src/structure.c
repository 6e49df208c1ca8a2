/*
 * structure.c
 *	  Structures of people's own: define_structure, drop_structure, structures,
 *	  expand, and binding for whoever trains.
 *
 * Names belong to their owners, as those of tasks do: one's own structure comes
 * first, then that of a role of which one is a member.  Nobody else's is ever
 * put into a triple.
 */
#include "structure.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "job_sql.h"

#define MAX_DEFINITION 65536 /* bytes */

PG_FUNCTION_INFO_V1(cerebro_define_structure);
PG_FUNCTION_INFO_V1(cerebro_drop_structure);
PG_FUNCTION_INFO_V1(cerebro_builtin_structures);
PG_FUNCTION_INFO_V1(cerebro_expand);

/* ----------------------------------------------------------------- reading */

static cer_text
get_text(HeapTuple row, int column, MemoryContext context)
{
	bool is_null;
	Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, column, &is_null);
	MemoryContext caller = MemoryContextSwitchTo(context);
	cer_text copy = host_text(TextDatumGetCString(value));

	MemoryContextSwitchTo(caller);
	return copy;
}

static StructureList *
make_list(int n)
{
	StructureList *list = palloc0(sizeof(StructureList));

	list->structures = palloc0(sizeof(cer_structure) * (n + 1));
	list->is_ambiguous = palloc0(sizeof(bool) * (n + 1));
	list->is_used = palloc0(sizeof(bool) * (n + 1));
	return list;
}

/* Those that the role sees: of one name its own, else the oldest. */
static StructureList *
read_all(Oid role)
{
	MemoryContext caller = CurrentMemoryContext;
	ArchiveScope scope;
	SqlArgs args = {0};
	StructureList *list;
	uint64 n;

	archive_enter(&scope);
	sql_add(&args, OIDOID, ObjectIdGetDatum(role), false);
	n = sql_run("SELECT DISTINCT ON (name) name, definition,"
	            " cerebro.owner_of(owner)::pg_catalog.oid"
	            " OPERATOR(pg_catalog.<>) $1"
	            " AND pg_catalog.count(*) OVER (PARTITION BY name)"
	            " OPERATOR(pg_catalog.>) 1"
	            " FROM cerebro.structure"
	            " WHERE cerebro.is_owner(owner, $1)"
	            " ORDER BY name,"
	            " cerebro.owner_of(owner)::pg_catalog.oid"
	            " OPERATOR(pg_catalog.=) $1 DESC,"
	            " created_at",
	            &args);
	MemoryContextSwitchTo(caller);
	list = make_list((int) n);
	for (; list->n < (int) n; list->n++)
	{
		HeapTuple row = SPI_tuptable->vals[list->n];
		bool is_null;

		list->structures[list->n].name = get_text(row, 1, caller);
		list->structures[list->n].definition = get_text(row, 2, caller);
		list->is_ambiguous[list->n] = DatumGetBool(
			SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &is_null));
	}
	archive_leave(&scope);
	return list;
}

/* ----------------------------------------------------------------- binding */

static void
check_unambiguous(const StructureList *list)
{
	for (int i = 0; i < list->n; i++)
		if (list->is_used[i] && list->is_ambiguous[i])
			ereport(ERROR,
			        (errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			         errmsg("structure \"%s\" is ambiguous",
			                list->structures[i].name.data),
			         errdetail("Several roles of which you are a member have "
			                   "defined one."),
			         errhint("Define your own, or SET ROLE to the owner of "
			                 "the one that you mean.")));
}

/* What is not known may be defined. */
void
structure_check(cer_status status, cer_error *err, const char *text)
{
	static const char remedy[] = "Or define it with cerebro.define_structure.";

	if (status == CER_UNKNOWN_NAME &&
	    strncmp(err->message, "unknown structure", 17) == 0)
	{
		if (err->hint[0] == '\0')
			strlcpy(err->hint, remedy + 3, sizeof(err->hint));
		else
		{
			strlcat(err->hint, " ", sizeof(err->hint));
			strlcat(err->hint, remedy, sizeof(err->hint));
		}
		err->hint[0] = (char) pg_toupper((unsigned char) err->hint[0]);
	}
	if (text == NULL)
		host_check(status, err);
	else
		host_check_text(status, err, text);
}

/* Places in what is bound are those in its own text, which errors show. */
static const cer_mst *
parse_again(cer_arena *arena, const cer_mst *bound)
{
	const cer_mst *mst;
	cer_text text;
	cer_error err = {0};

	host_check(cer_mst_print(arena, bound, &text, &err), &err);
	host_check_text(cer_mst_parse(arena, text, &mst, &err), &err, text.data);
	return mst;
}

const cer_mst *
structure_bind(const cer_mst *mst, const StructureList **used)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	cer_text text;
	StructureList *list;
	const cer_mst *bound;
	cer_error err = {0};

	if (cer_mst_check_bound(mst, NULL) == CER_OK)
		return mst;
	list = read_all(GetUserId());
	host_check(cer_mst_print(arena, mst, &text, &err), &err);
	structure_check(
		cer_mst_bind(arena, mst, list->structures, list->n, &bound, &err), &err,
		text.data);
	host_check(cer_mst_find_structures(arena, mst, list->structures, list->n,
	                                   list->is_used, &err),
	           &err);
	check_unambiguous(list);
	if (used != NULL)
		*used = list;
	return parse_again(arena, bound);
}

const cer_mst *
structure_parse(const char *triple)
{
	const cer_mst *mst;
	cer_error err = {0};

	host_check_text(cer_mst_parse(host_make_arena(CurrentMemoryContext),
	                              host_text(triple), &mst, &err),
	                &err, triple);
	return structure_bind(mst, NULL);
}

bool
structure_find(const char *name, cer_text *definition)
{
	StructureList *all = read_all(GetUserId());

	for (int i = 0; i < all->n; i++)
		if (strcmp(all->structures[i].name.data, name) == 0)
		{
			all->is_used[i] = true;
			check_unambiguous(all);
			*definition = all->structures[i].definition;
			return true;
		}
	return false;
}

void
structure_pin(int32 model, const StructureList *used)
{
	for (int i = 0; used != NULL && i < used->n; i++)
	{
		SqlArgs args = {0};

		if (!used->is_used[i])
			continue;
		sql_add_int4(&args, model);
		sql_add_text(&args, used->structures[i].name.data);
		sql_add_text(&args, used->structures[i].definition.data);
		sql_run("INSERT INTO cerebro.model_structure (model, name, definition)"
		        " VALUES ($1, $2, $3)",
		        &args);
	}
}

Datum
cerebro_expand(PG_FUNCTION_ARGS)
{
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	const cer_mst *mst = structure_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	cer_text text;
	cer_error err = {0};

	host_check(cer_mst_print(arena, mst, &text, &err), &err);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text.data, (int) text.size));
}

/* ---------------------------------------------------------------- defining */

/* The list without a name, and with a definition of it, if there is one. */
static StructureList *
replace(const StructureList *list, const char *name, const char *definition)
{
	StructureList *other = make_list(list->n + 1);

	if (definition != NULL)
		other->structures[other->n++] =
			(cer_structure){host_text(name), host_text(definition)};
	for (int i = 0; i < list->n; i++)
		if (strcmp(list->structures[i].name.data, name) != 0)
			other->structures[other->n++] = list->structures[i];
	return other;
}

static bool
can_be_made(const StructureList *list, const cer_structure *structure)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro structure", ALLOCSET_SMALL_SIZES);
	cer_text canonical;
	cer_status status =
		cer_structure_define(host_make_arena(context), structure,
	                         list->structures, list->n, &canonical, NULL);

	MemoryContextDelete(context);
	return status == CER_OK;
}

/* A structure that could be made until now can be made then. */
static void
check_others(const StructureList *now, const StructureList *then,
             const char *name)
{
	for (int i = 0; i < now->n; i++)
	{
		const cer_structure *other = &now->structures[i];

		CHECK_FOR_INTERRUPTS();
		if (strcmp(other->name.data, name) == 0 || can_be_made(then, other) ||
		    !can_be_made(now, other))
			continue;
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
		                errmsg("structure \"%s\" is made with \"%s\"",
		                       other->name.data, name),
		                errhint("Define it without, or drop it first.")));
	}
}

static char *
make_canonical(const StructureList *all, const char *name,
               const char *definition)
{
	cer_structure structure = {host_text(name), host_text(definition)};
	const StructureList *others = replace(all, name, NULL);
	cer_text canonical;
	cer_error err = {0};

	if (structure.definition.size > MAX_DEFINITION)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("definition of \"%s\" is longer than %d bytes",
		                       name, MAX_DEFINITION)));
	structure_check(cer_structure_define(host_make_arena(CurrentMemoryContext),
	                                     &structure, others->structures,
	                                     others->n, &canonical, &err),
	                &err, definition);
	return pnstrdup(canonical.data, canonical.size);
}

static void
store(const char *name, const char *definition)
{
	ArchiveScope scope;
	SqlArgs args = {0};

	sql_add_role(&args, GetUserId());
	sql_add_text(&args, name);
	sql_add_text(&args, definition);
	archive_enter(&scope);
	sql_run("INSERT INTO cerebro.structure (owner, name, definition)"
	        " VALUES ($1, $2, $3) ON CONFLICT (owner, name)"
	        " WHERE owner OPERATOR(pg_catalog.<>) 0::pg_catalog.oid"
	        " DO UPDATE SET definition = $3,"
	        " created_at = pg_catalog.now()",
	        &args);
	archive_leave(&scope);
}

Datum
cerebro_define_structure(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *definition = text_to_cstring(PG_GETARG_TEXT_PP(1));
	StructureList *all;

	PreventCommandIfReadOnly("cerebro.define_structure()");
	all = read_all(GetUserId());
	definition = make_canonical(all, name, definition);
	check_others(all, replace(all, name, definition), name);
	store(name, definition);
	PG_RETURN_TEXT_P(cstring_to_text(definition));
}

static void
fail_missing(const StructureList *all, const char *name)
{
	char **names = palloc(sizeof(char *) * (all->n + 1));

	for (int i = 0; i < all->n; i++)
		names[i] = (char *) all->structures[i].name.data;
	name_fail("structure", name, names, all->n);
}

/* One's own; then that of a role of which one is a member, if it is the one. */
Datum
cerebro_drop_structure(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	StructureList *all;
	ArchiveScope scope;
	SqlArgs args = {0};
	int i = 0;

	PreventCommandIfReadOnly("cerebro.drop_structure()");
	all = read_all(GetUserId());
	while (i < all->n && strcmp(all->structures[i].name.data, name) != 0)
		i++;
	if (i == all->n)
		fail_missing(all, name);
	all->is_used[i] = true;
	check_unambiguous(all);
	check_others(all, replace(all, name, NULL), name);
	sql_add(&args, OIDOID, ObjectIdGetDatum(GetUserId()), false);
	sql_add_text(&args, name);
	archive_enter(&scope);
	sql_run("DELETE FROM cerebro.structure"
	        " WHERE ctid OPERATOR(pg_catalog.=) (SELECT s.ctid"
	        " FROM cerebro.structure s"
	        " WHERE s.name OPERATOR(pg_catalog.=) $2"
	        " AND cerebro.is_owner(s.owner, $1)"
	        " ORDER BY cerebro.owner_of(s.owner)::pg_catalog.oid"
	        " OPERATOR(pg_catalog.=) $1 DESC, s.created_at"
	        " LIMIT 1)",
	        &args);
	archive_leave(&scope);
	PG_RETURN_VOID();
}

Datum
cerebro_builtin_structures(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const cer_structure *structures;
	size_t n;
	cer_error err = {0};

	InitMaterializedSRF(fcinfo, 0);
	host_check(cer_structure_list(host_make_arena(CurrentMemoryContext),
	                              &structures, &n, &err),
	           &err);
	for (size_t i = 0; i < n; i++)
	{
		Datum values[] = {
			PointerGetDatum(cstring_to_text_with_len(
				structures[i].name.data, (int) structures[i].name.size)),
			PointerGetDatum(
				cstring_to_text_with_len(structures[i].definition.data,
		                                 (int) structures[i].definition.size)),
		};
		bool nulls[] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
