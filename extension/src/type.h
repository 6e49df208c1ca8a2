/*
 * type.h
 *	  The language as SQL types: mst, mst_change, mst_space, mst_pattern.
 *
 * A stored value is its canonical text, laid out as text is.  Equality, order
 * and hash are those of bytes; a cast to text costs nothing; what a value means
 * is parsed when it is asked, and kept while the same value is asked again.
 */
#ifndef CEREBRO_TYPE_H
#define CEREBRO_TYPE_H

#include "cerebro_pg.h"

typedef struct TypeKind
{
	const char *name;
	cer_status (*parse)(cer_arena *arena, cer_text text, const void **value,
	                    cer_error *err);
	cer_status (*print)(cer_arena *arena, const void *value, cer_text *text,
	                    cer_error *err);
} TypeKind;

extern const TypeKind type_mst;
extern const TypeKind type_change;
extern const TypeKind type_space;
extern const TypeKind type_pattern;

/* A value that was parsed, and the text that it came from. */
typedef struct TypeValue
{
	const TypeKind *kind; /* NULL: none yet */
	const void *value;
	uint64 n_parsed; /* how often it became another */
	cer_arena *arena;
	char *text;
	Size size;
	Size capacity;
} TypeValue;

#define TYPE_MAX_ARGS 3

/* What a function keeps from call to call, in fn_extra. */
typedef struct TypeScratch
{
	TypeValue args[TYPE_MAX_ARGS];
	cer_arena *arena; /* of the call: cleared by the next one */
} TypeScratch;

/* The scratch of a function that keeps nothing else; its arena is cleared. */
extern TypeScratch *type_enter(FunctionCallInfo fcinfo);
/* What a varlena says; lent until another one is read into it. */
extern const void *type_read(TypeValue *value, MemoryContext context,
                             const TypeKind *kind, Datum datum);
/* An argument, parsed; lent until the function's next call. */
extern const void *
type_get(FunctionCallInfo fcinfo, int arg, const TypeKind *kind);
extern Datum type_make(cer_text canonical);
/* In canonical text; the arena is for what is needed meanwhile. */
extern Datum
type_print(cer_arena *arena, const TypeKind *kind, const void *value);

#endif
