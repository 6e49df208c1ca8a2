/*
 * type_value.c
 *	  Between stored text and what it says.
 */
#include "type.h"

#include "utils/builtins.h"

#define DEFINE_KIND(kind, sql_name)                                        \
	static cer_status parse_##kind(cer_arena *arena, cer_text text,        \
	                               const void **value, cer_error *err)     \
	{                                                                      \
		const cer_##kind *parsed;                                          \
		cer_status status = cer_##kind##_parse(arena, text, &parsed, err); \
                                                                           \
		if (status == CER_OK)                                              \
			*value = parsed;                                               \
		return status;                                                     \
	}                                                                      \
	static cer_status print_##kind(cer_arena *arena, const void *value,    \
	                               cer_text *text, cer_error *err)         \
	{                                                                      \
		return cer_##kind##_print(arena, value, text, err);                \
	}                                                                      \
	const TypeKind type_##kind = {                                         \
		.name = (sql_name), .parse = parse_##kind, .print = print_##kind}

DEFINE_KIND(mst, "cerebro.mst");
DEFINE_KIND(change, "cerebro.mst_change");
DEFINE_KIND(space, "cerebro.mst_space");
DEFINE_KIND(pattern, "cerebro.mst_pattern");

TypeScratch *
type_enter(FunctionCallInfo fcinfo)
{
	FmgrInfo *info = fcinfo->flinfo;
	TypeScratch *scratch = info->fn_extra;

	if (scratch == NULL)
	{
		scratch = MemoryContextAllocZero(info->fn_mcxt, sizeof(TypeScratch));
		scratch->arena = host_make_arena(info->fn_mcxt);
		info->fn_extra = scratch;
	}
	cer_arena_clear(scratch->arena);
	return scratch;
}

static void
keep_text(TypeValue *value, MemoryContext context, const char *data, Size size)
{
	if (size > value->capacity)
	{
		if (value->text != NULL)
			pfree(value->text);
		value->text = NULL;
		value->capacity = 0;
		value->text = MemoryContextAlloc(context, size);
		value->capacity = size;
	}
	memcpy(value->text, data, size);
	value->size = size;
}

const void *
type_read(TypeValue *value, MemoryContext context, const TypeKind *kind,
          Datum datum)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(datum);
	const char *data = VARDATA_ANY(stored);
	Size size = VARSIZE_ANY_EXHDR(stored);
	cer_error err;

	if (value->kind != kind || value->size != size ||
	    memcmp(value->text, data, size) != 0)
	{
		value->kind = NULL;
		if (value->arena == NULL)
			value->arena = host_make_arena(context);
		cer_arena_clear(value->arena);
		keep_text(value, context, data, size);
		host_check(kind->parse(value->arena, (cer_text){value->text, size},
		                       &value->value, &err),
		           &err);
		value->kind = kind;
		value->n_parsed++;
	}
	if ((Pointer) stored != DatumGetPointer(datum))
		pfree(stored);
	return value->value;
}

const void *
type_get(FunctionCallInfo fcinfo, int arg, const TypeKind *kind)
{
	TypeScratch *scratch = fcinfo->flinfo->fn_extra;

	return type_read(&scratch->args[arg], fcinfo->flinfo->fn_mcxt, kind,
	                 PG_GETARG_DATUM(arg));
}

Datum
type_make(cer_text canonical)
{
	return PointerGetDatum(
		cstring_to_text_with_len(canonical.data, (int) canonical.size));
}

Datum
type_print(cer_arena *arena, const TypeKind *kind, const void *value)
{
	cer_text text;
	cer_error err;

	host_check(kind->print(arena, value, &text, &err), &err);
	return type_make(text);
}
