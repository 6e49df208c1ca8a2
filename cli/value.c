/*
 * value.c
 *	  Recognises what a text is: number, date, time, …  Only spellings that
 *	  PostgreSQL reads alike under any setting count: dates as 2013-01-31,
 *	  never 31.01.2013; numbers without leading zeros or a plus sign, as those
 *	  are codes ('007', '+49…').
 */
#include "value.h"
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_DOUBLE_DIGITS 17 /* enough to print any double exactly */
#define MAX_NUMBER_SIZE   300
#define BIGINT_DIGITS     19
#define INTEGER_DIGITS    10

/* ------------------------------------------------------------------ digits */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t
count_digits(const char *data, size_t size)
{
	size_t n = 0;

	while (n < size && is_digit(data[n]))
		n++;
	return n;
}

/* Exactly n digits at data as a number, -1: others. */
static int
read_digits(const char *data, size_t size, size_t n)
{
	int number = 0;

	if (size < n)
		return -1;
	for (size_t i = 0; i < n; i++)
	{
		if (!is_digit(data[i]))
			return -1;
		number = number * 10 + (data[i] - '0');
	}
	return number;
}

/* ----------------------------------------------------------------- numbers */

static value_kind
get_integer_kind(const char *digits, size_t n, bool is_negative)
{
	const char *big_limit =
		is_negative ? "9223372036854775808" : "9223372036854775807";
	const char *limit = is_negative ? "2147483648" : "2147483647";

	if (n > 1 && digits[0] == '0')
		return VALUE_TEXT;
	if (n < INTEGER_DIGITS ||
	    (n == INTEGER_DIGITS && memcmp(digits, limit, n) <= 0))
		return VALUE_INTEGER;
	if (n < BIGINT_DIGITS ||
	    (n == BIGINT_DIGITS && memcmp(digits, big_limit, n) <= 0))
		return VALUE_BIGINT;
	return VALUE_HUGE;
}

/* An exponent may take a number out of a double's range. */
static bool
fits_double(const char *data, size_t size)
{
	char copy[MAX_NUMBER_SIZE + 1];
	double number;

	memcpy(copy, data, size);
	copy[size] = '\0';
	errno = 0;
	number = strtod(copy, NULL);
	return errno == 0 && isfinite(number);
}

static size_t
count_significant(const char *data, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size && data[i] != 'e' && data[i] != 'E'; i++)
		if (is_digit(data[i]) && (n > 0 || data[i] != '0'))
			n++;
	return n;
}

static size_t
skip_exponent(const char *data, size_t size, size_t at)
{
	size_t n;
	size_t from = at + 1;

	if (at == size || (data[at] != 'e' && data[at] != 'E'))
		return at;
	if (from < size && (data[from] == '+' || data[from] == '-'))
		from++;
	n = count_digits(data + from, size - from);
	return n == 0 || n > 4 ? at : from + n;
}

static value_kind
get_number_kind(const char *data, size_t size)
{
	size_t sign = data[0] == '-';
	size_t n_whole = count_digits(data + sign, size - sign);
	size_t at = sign + n_whole;
	size_t n_fraction = 0;

	if (at == size && n_whole > 0)
		return get_integer_kind(data + sign, n_whole, sign != 0);
	if (at < size && data[at] == '.')
	{
		n_fraction = count_digits(data + at + 1, size - at - 1);
		at += 1 + n_fraction;
	}
	if (n_whole + n_fraction == 0 || (n_whole > 1 && data[sign] == '0') ||
	    size > MAX_NUMBER_SIZE || skip_exponent(data, size, at) != size)
		return VALUE_TEXT;
	if (count_significant(data, size) > MAX_DOUBLE_DIGITS ||
	    (at != size && !fits_double(data, size)))
		return VALUE_DECIMAL;
	return VALUE_DOUBLE;
}

/* ---------------------------------------------------------- dates and times */

static bool
is_date(const char *data)
{
	static const char days_of[] = {31, 29, 31, 30, 31, 30,
	                               31, 31, 30, 31, 30, 31};
	int year = read_digits(data, 10, 4);
	int month = read_digits(data + 5, 5, 2);
	int day = read_digits(data + 8, 2, 2);

	if (year < 1 || data[4] != '-' || data[7] != '-' || month < 1 ||
	    month > 12 || day < 1 || day > days_of[month - 1])
		return false;
	return month != 2 || day < 29 ||
	       (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* Bytes of hh:mm[:ss[.ffffff]] at data, 0: no time. */
static size_t
measure_time(const char *data, size_t size)
{
	size_t at = 5;
	size_t n_fraction;

	if (size < 5 || data[2] != ':' || read_digits(data, 2, 2) < 0 ||
	    read_digits(data, 2, 2) > 23 || read_digits(data + 3, 2, 2) < 0 ||
	    read_digits(data + 3, 2, 2) > 59)
		return 0;
	if (size < 8 || data[5] != ':')
		return at;
	if (read_digits(data + 6, 2, 2) < 0 || read_digits(data + 6, 2, 2) > 59)
		return 0;
	at = 8;
	if (size == at || data[at] != '.')
		return at;
	n_fraction = count_digits(data + at + 1, size - at - 1);
	return n_fraction == 0 || n_fraction > 6 ? 0 : at + 1 + n_fraction;
}

/* Z, +hh, +hhmm, +hh:mm to the end. */
static bool
is_offset(const char *data, size_t size)
{
	int hours = size >= 3 ? read_digits(data + 1, 2, 2) : -1;

	if (size == 1 && (*data == 'Z' || *data == 'z'))
		return true;
	if (hours < 0 || hours > 15 || (*data != '+' && *data != '-'))
		return false;
	if (size == 3)
		return true;
	if (size == 5)
		return read_digits(data + 3, 2, 2) >= 0 &&
		       read_digits(data + 3, 2, 2) < 60;
	return size == 6 && data[3] == ':' && read_digits(data + 4, 2, 2) >= 0 &&
	       read_digits(data + 4, 2, 2) < 60;
}

static value_kind
get_moment_kind(const char *data, size_t size)
{
	size_t at;

	if (size < 10 || !is_date(data))
		return VALUE_TEXT;
	if (size == 10)
		return VALUE_DATE;
	if (data[10] != ' ' && data[10] != 'T')
		return VALUE_TEXT;
	at = measure_time(data + 11, size - 11);
	if (at == 0)
		return VALUE_TEXT;
	at += 11;
	if (at == size)
		return VALUE_TIMESTAMP;
	return is_offset(data + at, size - at) ? VALUE_TIMESTAMPTZ : VALUE_TEXT;
}

/* ------------------------------------------------------------------- words */

static bool
is_uuid(const char *data, size_t size)
{
	if (size != 36)
		return false;
	for (size_t i = 0; i < size; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23
		        ? data[i] != '-'
		        : !isxdigit((unsigned char) data[i]))
			return false;
	return true;
}

typedef struct known_word
{
	const char *word;
	value_kind kind;
} known_word;

static value_kind
get_word_kind(const char *data, size_t size)
{
	static const known_word words[] = {
		{"t", VALUE_LETTER_TRUE},  {"f", VALUE_LETTER_FALSE},
		{"true", VALUE_WORD_BOOL}, {"false", VALUE_WORD_BOOL},
		{"yes", VALUE_WORD_BOOL},  {"no", VALUE_WORD_BOOL},
		{"inf", VALUE_DOUBLE},     {"infinity", VALUE_DOUBLE},
		{"-inf", VALUE_DOUBLE},    {"-infinity", VALUE_DOUBLE},
	};

	if (size <= sizeof "-infinity" - 1)
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			if (strlen(words[i].word) == size &&
			    strncasecmp(words[i].word, data, size) == 0)
				return words[i].kind;
	return is_uuid(data, size) ? VALUE_UUID : VALUE_TEXT;
}

value_kind
value_get_kind(const char *data, size_t size)
{
	value_kind kind = VALUE_TEXT;

	if (size == 0)
		return VALUE_TEXT;
	if (is_digit(data[0]) || data[0] == '.' ||
	    (data[0] == '-' && size > 1 && (is_digit(data[1]) || data[1] == '.')))
	{
		kind = get_number_kind(data, size);
		if (kind == VALUE_TEXT)
			kind = get_moment_kind(data, size);
		if (kind == VALUE_TEXT && measure_time(data, size) == size)
			kind = VALUE_TIME;
		if (kind != VALUE_TEXT)
			return kind;
	}
	return get_word_kind(data, size);
}

/* ------------------------------------------------------------------- types */

static bool
has_only(unsigned kinds, unsigned allowed)
{
	return (kinds & ~allowed) == 0;
}

value_type
value_choose_type(unsigned kinds)
{
	const unsigned bools =
		VALUE_WORD_BOOL | VALUE_LETTER_TRUE | VALUE_LETTER_FALSE;
	const unsigned whole = VALUE_INTEGER | VALUE_BIGINT;

	if (kinds == 0)
		return TYPE_TEXT;
	/* a lone t or f is a code, unless both are there */
	if (has_only(kinds, bools))
		return (kinds & VALUE_WORD_BOOL) != 0 ||
		               has_only(VALUE_LETTER_TRUE | VALUE_LETTER_FALSE, kinds)
		           ? TYPE_BOOLEAN
		           : TYPE_TEXT;
	if (has_only(kinds, VALUE_INTEGER))
		return TYPE_INTEGER;
	if (has_only(kinds, whole))
		return TYPE_BIGINT;
	if (has_only(kinds, whole | VALUE_DOUBLE))
		return TYPE_DOUBLE;
	if (has_only(kinds, whole | VALUE_HUGE | VALUE_DOUBLE | VALUE_DECIMAL))
		return TYPE_NUMERIC;
	if (has_only(kinds, VALUE_DATE))
		return TYPE_DATE;
	if (has_only(kinds, VALUE_DATE | VALUE_TIMESTAMP))
		return TYPE_TIMESTAMP;
	if (has_only(kinds, VALUE_TIMESTAMPTZ))
		return TYPE_TIMESTAMPTZ;
	if (has_only(kinds, VALUE_TIME))
		return TYPE_TIME;
	return has_only(kinds, VALUE_UUID) ? TYPE_UUID : TYPE_TEXT;
}

const char *
value_get_type_name(value_type type)
{
	static const char *const names[N_TYPES] = {
		[TYPE_TEXT] = "text",
		[TYPE_BOOLEAN] = "boolean",
		[TYPE_INTEGER] = "integer",
		[TYPE_BIGINT] = "bigint",
		[TYPE_NUMERIC] = "numeric",
		[TYPE_DOUBLE] = "double precision",
		[TYPE_DATE] = "date",
		[TYPE_TIMESTAMP] = "timestamp",
		[TYPE_TIMESTAMPTZ] = "timestamptz",
		[TYPE_TIME] = "time",
		[TYPE_UUID] = "uuid",
	};

	return names[type];
}

/* ----------------------------------------------------------------- missing */

typedef struct missing_word
{
	const char *text;
	size_t size;
} missing_word;

#define MISSING(word)         \
	{                         \
		word, sizeof word - 1 \
	}

static const missing_word missing[VALUE_N_MISSING] = {
	MISSING("NA"),   MISSING("N/A"),  MISSING("n/a"),  MISSING("#N/A"),
	MISSING("NULL"), MISSING("null"), MISSING("Null"), MISSING("NaN"),
	MISSING("nan"),  MISSING("None"), MISSING("\\N"),  MISSING("?"),
	MISSING("-"),    MISSING(".")};

/* Asked of every value: most leave at once. */
int
value_find_missing(const char *data, size_t size)
{
	if (size > 4 || size == 0 || is_digit(data[size - 1]))
		return -1;
	for (int i = 0; i < VALUE_N_MISSING; i++)
		if (missing[i].size == size && missing[i].text[0] == data[0] &&
		    memcmp(missing[i].text, data, size) == 0)
			return i;
	return -1;
}

const char *
value_get_missing(int spelling)
{
	return missing[spelling].text;
}
