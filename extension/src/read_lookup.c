/*
 * read_lookup.c
 *	  A hash table of rows by key.
 *
 *	 slots: (hash, row)	 ->	 words of a row: one a column of the key
 *
 * A word tells most values from all others: that of an integer, of a date or
 * time, and of a text of up to seven bytes, which stands in it with its length.
 * Longer texts are compared when their words, hashes, are equal; so are values
 * of all other types, by their operator.
 */
#include "read_lookup.h"

#include "cerebro_pg.h"

#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIRST_SLOTS 64
#define SHORT_TEXT  7
#define LENGTH_BIT  56
#define LONG_TEXT   (UINT64CONST(0xFF) << LENGTH_BIT)

typedef enum KeyKind
{
	KEY_INTEGER, /* passed by value, equal if its bits are */
	KEY_TEXT,    /* equal if its bytes are */
	KEY_CALL     /* by operator */
} KeyKind;

/* Of what is looked for, or of the rows. */
typedef struct KeySide
{
	int16 size;
	bool by_value;
	FmgrInfo hash;
} KeySide;

typedef struct KeyColumn
{
	KeyKind kind;
	Oid collation;
	FmgrInfo equal;
	KeySide sought;
	KeySide row;
} KeyColumn;

typedef struct LookupSlot
{
	uint32 hash;
	uint32 row; /* 0: free */
} LookupSlot;

struct Lookup
{
	MemoryContext context;
	int n_keys;
	KeyColumn *columns;
	LookupSlot *slots;
	uint32 n_slots; /* a power of two, at least half of them free */
	uint32 n_rows;
	uint32 max_rows; /* allocated */
	uint64 *words;   /* n_keys a row */
	Datum *values;   /* the same, of what words do not tell */
	uint64 *sought;
};

/* ------------------------------------------------------------------ kinds */

static bool
is_integer_equality(Oid function)
{
	switch (function)
	{
		case F_INT2EQ:
		case F_INT4EQ:
		case F_INT8EQ:
		case F_INT24EQ:
		case F_INT42EQ:
		case F_INT28EQ:
		case F_INT82EQ:
		case F_INT48EQ:
		case F_INT84EQ:
		case F_BOOLEQ:
		case F_OIDEQ:
		case F_DATE_EQ:
		case F_TIMESTAMP_EQ:
		case F_TIMESTAMPTZ_EQ:
			return true;
		default:
			return false;
	}
}

static KeyKind
get_kind(Oid function, Oid collation)
{
	if (is_integer_equality(function))
		return KEY_INTEGER;
	if (function == F_TEXTEQ && OidIsValid(collation) &&
	    get_collation_isdeterministic(collation))
		return KEY_TEXT;
	return KEY_CALL;
}

static void
init_column(KeyColumn *column, const LookupKey *key)
{
	RegProcedure sought;
	RegProcedure row;

	if (!get_op_hash_functions(key->operator, & sought, &row))
		elog(ERROR, "operator %u has no hash functions", key->operator);
	fmgr_info(get_opcode(key->operator), &column->equal);
	fmgr_info(sought, &column->sought.hash);
	fmgr_info(row, &column->row.hash);
	column->collation = key->collation;
	column->kind = get_kind(column->equal.fn_oid, key->collation);
	get_typlenbyval(key->sought_type, &column->sought.size,
	                &column->sought.by_value);
	get_typlenbyval(key->row_type, &column->row.size, &column->row.by_value);
}

/* ------------------------------------------------------------------ words */

static inline uint64
get_integer_word(Datum value, int16 size)
{
	switch (size)
	{
		case 1:
			return (uint64) (DatumGetBool(value) ? 1 : 0);
		case 2:
			return (uint64) (int64) DatumGetInt16(value);
		case 4:
			return (uint64) (int64) DatumGetInt32(value);
		default:
			return (uint64) DatumGetInt64(value);
	}
}

static inline uint64
get_text_word(Datum value)
{
	const text *packed = DatumGetTextPP(value);
	size_t size = VARSIZE_ANY_EXHDR(packed);
	uint64 word = 0;

	if (size > SHORT_TEXT)
		return XXH3_64bits(VARDATA_ANY(packed), size) | LONG_TEXT;
	memcpy(&word, VARDATA_ANY(packed), size);
	return word | (uint64) size << LENGTH_BIT;
}

static inline uint64
get_word(KeyColumn *column, KeySide *side, Datum value)
{
	switch (column->kind)
	{
		case KEY_INTEGER:
			return get_integer_word(value, side->size);
		case KEY_TEXT:
			return get_text_word(value);
		default:
			return DatumGetUInt32(
				FunctionCall1Coll(&side->hash, column->collation, value));
	}
}

static inline bool
is_told(const KeyColumn *column, uint64 word)
{
	return column->kind == KEY_INTEGER ||
	       (column->kind == KEY_TEXT && word < LONG_TEXT);
}

static inline uint32
mix(const uint64 *words, int n_words)
{
	uint64 hash = 0;

	for (int i = 0; i < n_words; i++)
	{
		hash = (hash ^ words[i]) * UINT64CONST(0x9E3779B97F4A7C15);
		hash ^= hash >> 32;
	}
	return (uint32) hash;
}

/* ----------------------------------------------------------------- finding */

static bool
is_row(Lookup *lookup, uint32 row, const Datum *key)
{
	Size first = (Size) (row - 1) * lookup->n_keys;

	for (int i = 0; i < lookup->n_keys; i++)
		if (lookup->words[first + i] != lookup->sought[i])
			return false;
	for (int i = 0; i < lookup->n_keys; i++)
	{
		KeyColumn *column = &lookup->columns[i];

		if (!is_told(column, lookup->sought[i]) &&
		    !DatumGetBool(FunctionCall2Coll(&column->equal, column->collation,
		                                    key[i], lookup->values[first + i])))
			return false;
	}
	return true;
}

uint32
lookup_find(Lookup *lookup, const Datum *key)
{
	uint32 mask = lookup->n_slots - 1;
	uint32 hash;

	for (int i = 0; i < lookup->n_keys; i++)
		lookup->sought[i] =
			get_word(&lookup->columns[i], &lookup->columns[i].sought, key[i]);
	hash = mix(lookup->sought, lookup->n_keys);
	for (uint32 at = hash & mask;; at = (at + 1) & mask)
	{
		LookupSlot slot = lookup->slots[at];

		if (slot.row == 0 ||
		    (slot.hash == hash && is_row(lookup, slot.row, key)))
			return slot.row;
	}
}

/* ------------------------------------------------------------------ adding */

static void
put(Lookup *lookup, LookupSlot slot)
{
	uint32 mask = lookup->n_slots - 1;
	uint32 at = slot.hash & mask;

	while (lookup->slots[at].row != 0)
		at = (at + 1) & mask;
	lookup->slots[at] = slot;
}

static void
set_slots(Lookup *lookup, uint32 n_slots)
{
	LookupSlot *old = lookup->slots;
	uint32 n_old = lookup->n_slots;

	lookup->slots = MemoryContextAllocExtended(
		lookup->context, (Size) n_slots * sizeof(LookupSlot),
		MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	lookup->n_slots = n_slots;
	for (uint32 i = 0; i < n_old; i++)
		if (old[i].row != 0)
			put(lookup, old[i]);
	if (old != NULL)
		pfree(old);
}

static void
set_rows(Lookup *lookup, uint32 max_rows)
{
	Size size = (Size) max_rows * lookup->n_keys * sizeof(uint64);

	lookup->max_rows = max_rows;
	lookup->words = lookup->words == NULL ? palloc(size)
	                                      : repalloc_huge(lookup->words, size);
	lookup->values = lookup->values == NULL
	                     ? palloc(size)
	                     : repalloc_huge(lookup->values, size);
}

static void
reserve(Lookup *lookup)
{
	if (lookup->n_rows == PG_UINT32_MAX / 4)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("too many rows in a joined table")));
	if (lookup->n_rows == lookup->max_rows)
		set_rows(lookup, 2 * lookup->max_rows);
	if (2 * lookup->n_rows >= lookup->n_slots)
		set_slots(lookup, 2 * lookup->n_slots);
}

uint32
lookup_add(Lookup *lookup, const Datum *key)
{
	uint64 *words;
	Datum *values;
	MemoryContext caller;

	reserve(lookup);
	words = lookup->words + (Size) lookup->n_rows * lookup->n_keys;
	values = lookup->values + (Size) lookup->n_rows * lookup->n_keys;
	for (int i = 0; i < lookup->n_keys; i++)
	{
		KeyColumn *column = &lookup->columns[i];

		words[i] = get_word(column, &column->row, key[i]);
		caller = MemoryContextSwitchTo(lookup->context);
		values[i] =
			is_told(column, words[i])
				? (Datum) 0
				: datumCopy(key[i], column->row.by_value, column->row.size);
		MemoryContextSwitchTo(caller);
	}
	lookup->n_rows++;
	put(lookup, (LookupSlot){mix(words, lookup->n_keys), lookup->n_rows});
	return lookup->n_rows;
}

Lookup *
lookup_make(const LookupKey *keys, int n_keys)
{
	Lookup *lookup = palloc0(sizeof(Lookup));

	lookup->context = CurrentMemoryContext;
	lookup->n_keys = n_keys;
	lookup->columns = palloc0(n_keys * sizeof(KeyColumn));
	for (int i = 0; i < n_keys; i++)
		init_column(&lookup->columns[i], &keys[i]);
	lookup->sought = palloc(n_keys * sizeof(uint64));
	set_rows(lookup, FIRST_SLOTS / 2);
	set_slots(lookup, FIRST_SLOTS);
	return lookup;
}
