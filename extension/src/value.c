/*
 * value.c
 *	  How one SQL value becomes a number, a category's text or a part of a key.
 *
 * What a type means is one row of a table: domains mean what their base type
 * means, enums are found by their kind, other string types by their category.
 * Numbers of dates and times: days (date) or seconds since 2000-01-01, seconds
 * (time, interval); infinite ones are infinite numbers.
 */
#include "cerebro_pg.h"

#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include <math.h>

typedef enum ValueKind
{
	VALUE_BOOL,
	VALUE_INT2,
	VALUE_INT4,
	VALUE_INT8,
	VALUE_FLOAT4,
	VALUE_FLOAT8,
	VALUE_NUMERIC,
	VALUE_MONEY,
	VALUE_DATE,
	VALUE_TIME,
	VALUE_TIMETZ,
	VALUE_TIMESTAMP,
	VALUE_INTERVAL,
	VALUE_TEXT,
	VALUE_BPCHAR,
	VALUE_NAME,
	VALUE_CHAR,
	VALUE_ENUM,
	VALUE_UUID,
	VALUE_PRINTED /* by the type's output function */
} ValueKind;

typedef struct ValueRow
{
	Oid type;
	ValueKind kind;
	cer_column_type column;
	cer_storage storage;
} ValueRow;

static const ValueRow value_rows[] = {
	{INT4OID, VALUE_INT4, CER_TYPE_NUMBER, CER_FLOAT64},
	{INT8OID, VALUE_INT8, CER_TYPE_NUMBER, CER_FLOAT64},
	{INT2OID, VALUE_INT2, CER_TYPE_NUMBER, CER_FLOAT32},
	{FLOAT8OID, VALUE_FLOAT8, CER_TYPE_NUMBER, CER_FLOAT64},
	{FLOAT4OID, VALUE_FLOAT4, CER_TYPE_NUMBER, CER_FLOAT32},
	{NUMERICOID, VALUE_NUMERIC, CER_TYPE_NUMBER, CER_FLOAT64},
	{CASHOID, VALUE_MONEY, CER_TYPE_NUMBER, CER_FLOAT64},
	{DATEOID, VALUE_DATE, CER_TYPE_NUMBER, CER_FLOAT64},
	{TIMEOID, VALUE_TIME, CER_TYPE_NUMBER, CER_FLOAT64},
	{TIMETZOID, VALUE_TIMETZ, CER_TYPE_NUMBER, CER_FLOAT64},
	{TIMESTAMPOID, VALUE_TIMESTAMP, CER_TYPE_NUMBER, CER_FLOAT64},
	{TIMESTAMPTZOID, VALUE_TIMESTAMP, CER_TYPE_NUMBER, CER_FLOAT64},
	{INTERVALOID, VALUE_INTERVAL, CER_TYPE_NUMBER, CER_FLOAT64},
	{BOOLOID, VALUE_BOOL, CER_TYPE_CATEGORY, CER_CODE32},
	{TEXTOID, VALUE_TEXT, CER_TYPE_CATEGORY, CER_CODE32},
	{VARCHAROID, VALUE_TEXT, CER_TYPE_CATEGORY, CER_CODE32},
	{BPCHAROID, VALUE_BPCHAR, CER_TYPE_CATEGORY, CER_CODE32},
	{NAMEOID, VALUE_NAME, CER_TYPE_CATEGORY, CER_CODE32},
	{CHAROID, VALUE_CHAR, CER_TYPE_CATEGORY, CER_CODE32},
	{UUIDOID, VALUE_UUID, CER_TYPE_CATEGORY, CER_CODE32},
	{INETOID, VALUE_PRINTED, CER_TYPE_CATEGORY, CER_CODE32},
	{CIDROID, VALUE_PRINTED, CER_TYPE_CATEGORY, CER_CODE32},
	{MACADDROID, VALUE_PRINTED, CER_TYPE_CATEGORY, CER_CODE32},
	{MACADDR8OID, VALUE_PRINTED, CER_TYPE_CATEGORY, CER_CODE32},
};

static const ValueRow enum_row = {InvalidOid, VALUE_ENUM, CER_TYPE_CATEGORY,
                                  CER_CODE32};
static const ValueRow string_row = {InvalidOid, VALUE_PRINTED,
                                    CER_TYPE_CATEGORY, CER_CODE32};
static const ValueRow array_row = {InvalidOid, VALUE_PRINTED, CER_TYPE_ARRAY,
                                   CER_CODE32};
static const ValueRow other_row = {InvalidOid, VALUE_PRINTED, CER_TYPE_OTHER,
                                   CER_CODE32};

struct ValueCoder
{
	const ValueRow *row;
	Oid type; /* base type of a domain */
	FmgrInfo output;
	MemoryContext context; /* of the coder: what must outlive a call */
	char *printed;         /* text of the last printed value */
	size_t printed_size;   /* allocated */
	Dictionary *enum_oids; /* oid -> 1 + index into enum_labels */
	cer_text *enum_labels;
	uint32 n_enum_labels; /* allocated */
};

static const ValueRow *find_row(Oid type);

/* Of categories, or of numbers that are whole: their text tells them apart. */
static bool
is_array_of_categories(Oid type)
{
	Oid element = get_element_type(type);

	if (!OidIsValid(element))
		return false;
	element = getBaseType(element);
	return element == INT2OID || element == INT4OID || element == INT8OID ||
	       find_row(element)->column == CER_TYPE_CATEGORY;
}

static const ValueRow *
find_row(Oid type)
{
	char category;
	bool is_preferred;

	for (int i = 0; i < lengthof(value_rows); i++)
		if (value_rows[i].type == type)
			return &value_rows[i];
	if (type_is_enum(type))
		return &enum_row;
	get_type_category_preferred(type, &category, &is_preferred);
	if (category == TYPCATEGORY_STRING && get_typtype(type) == TYPTYPE_BASE)
		return &string_row;
	return is_array_of_categories(type) ? &array_row : &other_row;
}

ValueCoder *
value_coder_make(Oid type)
{
	ValueCoder *coder = palloc0(sizeof(ValueCoder));
	Oid output;
	bool is_varlena;

	coder->type = getBaseType(type);
	coder->row = find_row(coder->type);
	coder->context = CurrentMemoryContext;
	getTypeOutputInfo(coder->type, &output, &is_varlena);
	fmgr_info(output, &coder->output);
	if (coder->row->kind == VALUE_ENUM)
	{
		coder->enum_oids = dictionary_make();
		coder->n_enum_labels = 16;
		coder->enum_labels = palloc(16 * sizeof(cer_text));
	}
	return coder;
}

cer_column_type
value_coder_get_type(const ValueCoder *coder)
{
	return coder->row->column;
}

cer_storage
value_coder_get_storage(const ValueCoder *coder)
{
	return coder->row->storage;
}

cer_time_unit
value_coder_get_unit(const ValueCoder *coder)
{
	switch (coder->row->kind)
	{
		case VALUE_DATE:
			return CER_UNIT_DATE;
		case VALUE_TIME:
		case VALUE_TIMETZ:
			return CER_UNIT_TIME;
		case VALUE_TIMESTAMP:
			return CER_UNIT_TIMESTAMP;
		default:
			return CER_UNIT_NONE;
	}
}

ValueShortcut
value_coder_get_shortcut(const ValueCoder *coder)
{
	switch (coder->row->kind)
	{
		case VALUE_INT4:
			return SHORTCUT_INT4;
		case VALUE_FLOAT8:
			return SHORTCUT_FLOAT8;
		case VALUE_TEXT:
			return SHORTCUT_TEXT;
		default:
			return SHORTCUT_NONE;
	}
}

static double
get_time_number(Timestamp value)
{
	if (TIMESTAMP_IS_NOBEGIN(value))
		return -INFINITY;
	if (TIMESTAMP_IS_NOEND(value))
		return INFINITY;
	return (double) value / USECS_PER_SEC;
}

static double
get_date_number(DateADT value)
{
	if (DATE_IS_NOBEGIN(value))
		return -INFINITY;
	if (DATE_IS_NOEND(value))
		return INFINITY;
	return value;
}

/* As intervals are compared: a month is 30 days, a day 24 hours. */
static double
get_interval_number(const Interval *value)
{
	return (double) value->time / USECS_PER_SEC +
	       ((double) value->month * DAYS_PER_MONTH + value->day) *
	           (double) SECS_PER_DAY;
}

static double
get_numeric_number(Datum value)
{
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow, value));
}

double
value_coder_get_number(ValueCoder *coder, Datum value)
{
	switch (coder->row->kind)
	{
		case VALUE_INT4:
			return DatumGetInt32(value);
		case VALUE_INT8:
			return (double) DatumGetInt64(value);
		case VALUE_INT2:
			return DatumGetInt16(value);
		case VALUE_FLOAT8:
			return DatumGetFloat8(value);
		case VALUE_FLOAT4:
			return DatumGetFloat4(value);
		case VALUE_NUMERIC:
			return get_numeric_number(value);
		case VALUE_MONEY:
			return (double) DatumGetCash(value);
		case VALUE_DATE:
			return get_date_number(DatumGetDateADT(value));
		case VALUE_TIME:
			return (double) DatumGetTimeADT(value) / USECS_PER_SEC;
		case VALUE_TIMETZ:
			return (double) DatumGetTimeTzADTP(value)->time / USECS_PER_SEC +
			       DatumGetTimeTzADTP(value)->zone;
		case VALUE_TIMESTAMP:
			return get_time_number(DatumGetTimestamp(value));
		case VALUE_INTERVAL:
			return get_interval_number(DatumGetIntervalP(value));
		case VALUE_BOOL:
			return DatumGetBool(value) ? 1.0 : 0.0;
		default:
			elog(ERROR, "type %u has no number", coder->type);
	}
}

static cer_text
get_varlena_text(Datum value)
{
	text *packed = DatumGetTextPP(value);

	return (cer_text){VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed)};
}

/* Trailing blanks mean nothing in char(n). */
static cer_text
get_bpchar_text(Datum value)
{
	cer_text text = get_varlena_text(value);

	text.size = bpchartruelen((char *) text.data, (int) text.size);
	return text;
}

static cer_text
keep_printed(ValueCoder *coder, char *printed)
{
	size_t size = strlen(printed);

	if (size >= coder->printed_size)
	{
		if (coder->printed != NULL)
			pfree(coder->printed);
		coder->printed_size = Max(64, 2 * size);
		coder->printed =
			MemoryContextAllocHuge(coder->context, coder->printed_size);
	}
	memcpy(coder->printed, printed, size + 1);
	pfree(printed);
	return (cer_text){coder->printed, size};
}

static char *
find_enum_label(Oid value)
{
	HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	char *label;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("invalid internal value for enum: %u", value)));
	label = pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
	ReleaseSysCache(tuple);
	return label;
}

static cer_text
get_enum_text(ValueCoder *coder, Oid value)
{
	uint32 n_known = dictionary_count(coder->enum_oids);
	uint32 code = dictionary_add(coder->enum_oids, &value, sizeof(value));
	MemoryContext caller;

	if (code <= n_known)
		return coder->enum_labels[code - 1];
	caller = MemoryContextSwitchTo(coder->context);
	if (code > coder->n_enum_labels)
	{
		coder->n_enum_labels *= 2;
		coder->enum_labels = repalloc(coder->enum_labels,
		                              coder->n_enum_labels * sizeof(cer_text));
	}
	coder->enum_labels[code - 1] = host_text(find_enum_label(value));
	MemoryContextSwitchTo(caller);
	return coder->enum_labels[code - 1];
}

cer_text
value_coder_get_text(ValueCoder *coder, Datum value)
{
	switch (coder->row->kind)
	{
		case VALUE_TEXT:
			return get_varlena_text(value);
		case VALUE_BPCHAR:
			return get_bpchar_text(value);
		case VALUE_BOOL:
			return host_text(DatumGetBool(value) ? "true" : "false");
		case VALUE_ENUM:
			return get_enum_text(coder, DatumGetObjectId(value));
		case VALUE_NAME:
			return host_text(NameStr(*DatumGetName(value)));
		default:
			return keep_printed(coder,
			                    OutputFunctionCall(&coder->output, value));
	}
}

/* Equal numerics have one text, whatever their scale. */
static void
add_numeric_key(Datum value, cer_key_hash *hash)
{
	char *text = numeric_normalize(DatumGetNumeric(value));

	cer_key_hash_add_bytes(hash, text, strlen(text));
	pfree(text);
}

static void
add_interval_key(const Interval *value, cer_key_hash *hash)
{
	int64 days = (int64) value->month * DAYS_PER_MONTH + value->day +
	             value->time / USECS_PER_DAY;

	cer_key_hash_add_int(hash, days);
	cer_key_hash_add_int(hash, value->time % USECS_PER_DAY);
}

void
value_coder_add_key(ValueCoder *coder, Datum value, bool is_null,
                    cer_key_hash *hash)
{
	cer_text text;

	if (is_null)
	{
		cer_key_hash_add_null(hash);
		return;
	}
	switch (coder->row->kind)
	{
		case VALUE_BOOL:
			cer_key_hash_add_int(hash, DatumGetBool(value));
			return;
		case VALUE_INT2:
			cer_key_hash_add_int(hash, DatumGetInt16(value));
			return;
		case VALUE_INT4:
		case VALUE_DATE:
			cer_key_hash_add_int(hash, DatumGetInt32(value));
			return;
		case VALUE_INT8:
		case VALUE_MONEY:
		case VALUE_TIME:
		case VALUE_TIMESTAMP:
			cer_key_hash_add_int(hash, DatumGetInt64(value));
			return;
		case VALUE_FLOAT4:
			cer_key_hash_add_double(hash, DatumGetFloat4(value));
			return;
		case VALUE_FLOAT8:
			cer_key_hash_add_double(hash, DatumGetFloat8(value));
			return;
		case VALUE_NUMERIC:
			add_numeric_key(value, hash);
			return;
		case VALUE_INTERVAL:
			add_interval_key(DatumGetIntervalP(value), hash);
			return;
		case VALUE_UUID:
			cer_key_hash_add_bytes(hash, DatumGetUUIDP(value)->data, UUID_LEN);
			return;
		default:
			text = value_coder_get_text(coder, value);
			cer_key_hash_add_bytes(hash, text.data, text.size);
			return;
	}
}
