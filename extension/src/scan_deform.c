/*
 * scan_deform.c
 *	  Columns of rows as they lie in tables.
 *
 * PostgreSQL's own loop asks of each column of each row how wide and how
 * aligned it is; here that is settled once.  A third of the time of scoring a
 * wide table is spent on it.
 */
#include "scan_deform.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"

typedef enum ColumnKind
{
	COLUMN_1,
	COLUMN_2,
	COLUMN_4,
	COLUMN_8,
	COLUMN_VARLENA,
	COLUMN_FIXED, /* by reference */
	COLUMN_OTHER
} ColumnKind;

typedef struct DeformColumn
{
	ColumnKind kind;
	int size;
	uintptr_t mask; /* alignment less one */
	uint32 offset;  /* behind the row's header, of the first columns */
} DeformColumn;

struct ScanDeformer
{
	TupleDesc desc;
	int n_known; /* columns up to the first of COLUMN_OTHER */
	int n_fixed; /* columns that have an offset, in rows without NULLs */
	DeformColumn columns[FLEXIBLE_ARRAY_MEMBER];
};

static uintptr_t
get_mask(char align)
{
	switch (align)
	{
		case TYPALIGN_SHORT:
			return ALIGNOF_SHORT - 1;
		case TYPALIGN_INT:
			return ALIGNOF_INT - 1;
		case TYPALIGN_DOUBLE:
			return ALIGNOF_DOUBLE - 1;
		default:
			return 0;
	}
}

static ColumnKind
get_kind(Form_pg_attribute attribute)
{
	if (attribute->attlen == -1)
		return COLUMN_VARLENA;
	if (attribute->attlen < 0)
		return COLUMN_OTHER;
	if (!attribute->attbyval)
		return COLUMN_FIXED;
	switch (attribute->attlen)
	{
		case 1:
			return COLUMN_1;
		case 2:
			return COLUMN_2;
		case 4:
			return COLUMN_4;
		default:
			return COLUMN_8;
	}
}

/* What stands before the first column of no fixed size lies where it always
 * does. */
static void
place_columns(ScanDeformer *deformer)
{
	uintptr_t at = 0;

	while (deformer->n_fixed < deformer->n_known)
	{
		DeformColumn *column = &deformer->columns[deformer->n_fixed];

		if (column->kind == COLUMN_VARLENA)
			return;
		at = (at + column->mask) & ~column->mask;
		column->offset = (uint32) at;
		at += column->size;
		deformer->n_fixed++;
	}
}

ScanDeformer *
scan_deformer_make(const TupleTableSlot *slot)
{
	TupleDesc desc = slot->tts_tupleDescriptor;
	ScanDeformer *deformer = palloc0(offsetof(ScanDeformer, columns) +
	                                 desc->natts * sizeof(DeformColumn));

	deformer->desc = desc;
	deformer->n_known = desc->natts;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		DeformColumn *column = &deformer->columns[i];

		column->kind = get_kind(attribute);
		column->size = attribute->attlen;
		column->mask = get_mask(attribute->attalign);
		if (column->kind == COLUMN_OTHER)
			deformer->n_known = Min(deformer->n_known, i);
	}
	place_columns(deformer);
	return deformer;
}

bool
scan_deformer_is_for(const ScanDeformer *deformer, const TupleTableSlot *slot)
{
	return deformer != NULL && deformer->desc == slot->tts_tupleDescriptor;
}

/* Moves `at` behind the value. */
static inline Datum
read_value(const DeformColumn *column, const char **at)
{
	uintptr_t place = ((uintptr_t) *at + column->mask) & ~column->mask;

	if (column->kind == COLUMN_VARLENA && VARATT_NOT_PAD_BYTE(*at))
		place = (uintptr_t) *at;
	switch (column->kind)
	{
		case COLUMN_1:
			*at = (const char *) place + 1;
			return CharGetDatum(*(const char *) place);
		case COLUMN_2:
			*at = (const char *) place + sizeof(int16);
			return Int16GetDatum(*(const int16 *) place);
		case COLUMN_4:
			*at = (const char *) place + sizeof(int32);
			return Int32GetDatum(*(const int32 *) place);
		case COLUMN_8:
			*at = (const char *) place + sizeof(Datum);
			return *(const Datum *) place;
		case COLUMN_VARLENA:
			*at = (const char *) place + VARSIZE_ANY(place);
			return (Datum) place;
		default:
			*at = (const char *) place + column->size;
			return (Datum) place;
	}
}

#define ROWS_AHEAD 4
#define CACHE_LINE 64

/* Rows of a page lie one below the other: one that comes soon is asked for. */
static inline void
prefetch_row(const HeapTupleData *row)
{
	const char *ahead =
		(const char *) row->t_data - (Size) ROWS_AHEAD * row->t_len;

	for (uint32 i = 0; i < row->t_len; i += CACHE_LINE)
		__builtin_prefetch(ahead + i);
}

/* Of a row without NULLs: each where it always lies; returns their end. */
static inline const char *
read_fixed(const ScanDeformer *deformer, const char *first,
           TupleTableSlot *slot, int n)
{
	const char *end = first;

	for (int i = 0; i < n; i++)
	{
		const char *at = first + deformer->columns[i].offset;

		slot->tts_values[i] = read_value(&deformer->columns[i], &at);
		slot->tts_isnull[i] = false;
		end = at;
	}
	return end;
}

/* Returns where the values end. */
static const char *
read_values(const ScanDeformer *deformer, HeapTupleHeader row,
            TupleTableSlot *slot, int n)
{
	const char *at = (const char *) row + row->t_hoff;
	const bits8 *bits = row->t_bits;
	bool has_nulls = (row->t_infomask & HEAP_HASNULL) != 0;
	int i = has_nulls ? 0 : Min(n, deformer->n_fixed);

	if (i > 0)
		at = read_fixed(deformer, at, slot, i);
	for (; !has_nulls && i < n; i++)
	{
		slot->tts_isnull[i] = false;
		slot->tts_values[i] = read_value(&deformer->columns[i], &at);
	}
	for (; i < n; i++)
	{
		bool is_null = att_isnull(i, bits);

		slot->tts_isnull[i] = is_null;
		slot->tts_values[i] =
			is_null ? 0 : read_value(&deformer->columns[i], &at);
	}
	return at;
}

void
scan_deform(const ScanDeformer *deformer, TupleTableSlot *slot, int n)
{
	HeapTupleTableSlot *heap = (HeapTupleTableSlot *) slot;
	HeapTupleHeader row;
	const char *end;

	if (deformer->desc != slot->tts_tupleDescriptor || slot->tts_nvalid > 0 ||
	    n > deformer->n_known ||
	    !(TTS_IS_BUFFERTUPLE(slot) || TTS_IS_HEAPTUPLE(slot)) ||
	    heap->tuple == NULL || n > HeapTupleHeaderGetNatts(heap->tuple->t_data))
	{
		slot_getsomeattrs(slot, n);
		return;
	}
	prefetch_row(heap->tuple);
	row = heap->tuple->t_data;
	end = read_values(deformer, row, slot, n);
	/* whoever reads on begins there, and trusts no remembered offsets */
	heap->off = (uint32) (end - ((const char *) row + row->t_hoff));
	slot->tts_nvalid = (AttrNumber) n;
	slot->tts_flags |= TTS_FLAG_SLOW;
}
