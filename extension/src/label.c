/*
 * label.c
 *	  Labels to classes: a dictionary from the label's binary value to a class,
 *	  filled as values are met.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

struct LabelCoder
{
	const Task *task; /* whose classes are known; NULL: they are collected */
	Oid type;
	bool is_integer; /* the binary value is an int64, else text */
	ValueCoder *coder;
	Dictionary *seen; /* binary value -> 1 + index into classes */
	uint16 *classes;  /* by code - 1 */
	uint32 n_classes; /* allocated */
	int64 last;       /* memo, for integers */
	uint16 last_class;
	bool has_last;
};

#define UNKNOWN_CLASS PG_UINT16_MAX

static bool
is_integer_type(Oid type)
{
	return type == BOOLOID || type == INT2OID || type == INT4OID ||
	       type == INT8OID;
}

static void
check_label_type(Oid type, const ValueCoder *coder)
{
	if (is_integer_type(type) ||
	    value_coder_get_type(coder) == CER_TYPE_CATEGORY)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_DATATYPE_MISMATCH),
	         errmsg("the label is of type %s", format_type_be(type)),
	         errdetail("A class is told by a boolean, text, integer or enum "
	                   "value."),
	         value_coder_get_type(coder) == CER_TYPE_NUMBER
	             ? errhint("Compare it (label => 'value > 15'), cast it to an "
	                       "integer, or make ranges with width_bucket.")
	             : errhint("Cast it to text.")));
}

LabelCoder *
label_coder_make(Oid type, const Task *task)
{
	LabelCoder *coder = palloc0(sizeof(LabelCoder));

	coder->task = task;
	coder->type = getBaseType(type);
	coder->coder = value_coder_make(type);
	check_label_type(coder->type, coder->coder);
	coder->is_integer = is_integer_type(coder->type);
	coder->seen = dictionary_make();
	coder->n_classes = 16;
	coder->classes = palloc(coder->n_classes * sizeof(uint16));
	return coder;
}

static int64
get_integer(const LabelCoder *coder, Datum label)
{
	switch (coder->type)
	{
		case BOOLOID:
			return DatumGetBool(label);
		case INT2OID:
			return DatumGetInt16(label);
		case INT4OID:
			return DatumGetInt32(label);
		default:
			return DatumGetInt64(label);
	}
}

/* The text that stands for a label in cerebro.task.classes. */
static char *
print_label(LabelCoder *coder, cer_text binary)
{
	int64 value;

	if (!coder->is_integer)
		return pnstrdup(binary.data, binary.size);
	memcpy(&value, binary.data, sizeof(value));
	if (coder->type == BOOLOID)
		return pstrdup(value ? "true" : "false");
	return psprintf(INT64_FORMAT, value);
}

static uint16
find_class(LabelCoder *coder, cer_text binary)
{
	char *text = print_label(coder, binary);
	int class = task_find_class(coder->task, text);

	pfree(text);
	return class < 0 ? UNKNOWN_CLASS : (uint16) class;
}

static uint16
add_label(LabelCoder *coder, cer_text binary)
{
	uint32 n_known = dictionary_count(coder->seen);
	uint32 code = dictionary_add(coder->seen, binary.data, binary.size);

	if (code <= n_known)
		return coder->classes[code - 1];
	if (code > MAX_CLASSES)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("the label has more than %d classes", MAX_CLASSES),
		         errhint("Choose a label that sorts rows into few classes: "
		                 "compare a number, or map rare values to one.")));
	if (code > coder->n_classes)
	{
		coder->n_classes *= 2;
		coder->classes =
			repalloc(coder->classes, coder->n_classes * sizeof(uint16));
	}
	coder->classes[code - 1] =
		coder->task ? find_class(coder, binary) : (uint16) (code - 1);
	return coder->classes[code - 1];
}

static void
fail_unknown_class(LabelCoder *coder, cer_text binary)
{
	ereport(ERROR,
	        (errcode(ERRCODE_DATA_EXCEPTION),
	         errmsg("label \"%s\" is none of the classes of task \"%s\"",
	                print_label(coder, binary), coder->task->name),
	         errdetail("It was not there when the task's classes were read."),
	         errhint("Leave such rows out of the source, or make its values "
	                 "classes: SELECT cerebro.add_classes(%s).",
	                 quote_literal_cstr(coder->task->name))));
}

uint16
label_coder_get_class(LabelCoder *coder, Datum label)
{
	cer_text binary;
	int64 value = 0;
	uint16 class;

	if (coder->is_integer)
	{
		value = get_integer(coder, label);
		if (coder->has_last && value == coder->last)
			return coder->last_class;
		binary = (cer_text){(const char *) &value, sizeof(value)};
	}
	else
		binary = value_coder_get_text(coder->coder, label);
	class = add_label(coder, binary);
	if (class == UNKNOWN_CLASS)
		fail_unknown_class(coder, binary);
	coder->has_last = true;
	coder->last = value;
	coder->last_class = class;
	return class;
}

/* Texts of the labels met so far, in order of arrival. */
char **
label_coder_get_labels(LabelCoder *coder, int *n_labels)
{
	char **labels;

	*n_labels = (int) dictionary_count(coder->seen);
	labels = palloc(Max(1, *n_labels) * sizeof(char *));
	for (int i = 0; i < *n_labels; i++)
		labels[i] =
			print_label(coder, *dictionary_get_values(coder->seen, i + 1));
	return labels;
}
