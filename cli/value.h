/*
 * value.h
 *	  What one text could be in SQL, and which SQL type holds all the texts of
 *	  a column.
 *
 * Each text has one kind, the narrowest; a column collects the kinds of its
 * texts as a set, from which its type follows.  So the whole file decides,
 * whatever the order of its rows.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum value_kind
{
	VALUE_WORD_BOOL = 1 << 0,    /* true false yes no, any case */
	VALUE_LETTER_TRUE = 1 << 1,  /* t T */
	VALUE_LETTER_FALSE = 1 << 2, /* f F */
	VALUE_INTEGER = 1 << 3,
	VALUE_BIGINT = 1 << 4,
	VALUE_HUGE = 1 << 5,    /* an integer beyond bigint */
	VALUE_DOUBLE = 1 << 6,  /* a fraction or exponent, at most 17 digits */
	VALUE_DECIMAL = 1 << 7, /* more than a double holds */
	VALUE_DATE = 1 << 8,
	VALUE_TIMESTAMP = 1 << 9,
	VALUE_TIMESTAMPTZ = 1 << 10, /* with Z or an offset */
	VALUE_TIME = 1 << 11,
	VALUE_UUID = 1 << 12,
	VALUE_TEXT = 1 << 13
} value_kind;

typedef enum value_type
{
	TYPE_TEXT,
	TYPE_BOOLEAN,
	TYPE_INTEGER,
	TYPE_BIGINT,
	TYPE_NUMERIC,
	TYPE_DOUBLE,
	TYPE_DATE,
	TYPE_TIMESTAMP,
	TYPE_TIMESTAMPTZ,
	TYPE_TIME,
	TYPE_UUID,
	N_TYPES
} value_type;

extern value_kind value_get_kind(const char *data, size_t size);

/* The narrowest type of all texts; the empty set is TYPE_TEXT. */
extern value_type value_choose_type(unsigned kinds);
extern const char *value_get_type_name(value_type type);

/* Texts that stand for "missing", by number; -1: none of them. */
extern int value_find_missing(const char *data, size_t size);
extern const char *value_get_missing(int spelling);
#define VALUE_N_MISSING 14

#endif
