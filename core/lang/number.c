/*
 * lang/number.c
 *	  Numbers and their shortest spelling, in no locale.
 *
 * Both directions have a short way for what people write and fall back to libc
 * on forms without a decimal point, which is all that a locale could change.
 *
 * The short ways are exact: an integer up to 2^53 times or divided by a power
 * of ten up to 10^22 is one correctly rounded operation (Clinger, "How to read
 * floating point numbers accurately", 1990); and two decimals of at most 15
 * digits never stand for the same double, so the one that is found is the
 * shortest.
 */
#include "lang/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EXACT_POWER 22
#define MAX_EXACT_INT   9007199254740992.0 /* 2^53 */
#define MAX_SURE_INT    1e15               /* 15 digits */
#define MAX_TEXT        64
#define MAX_PLAIN       16   /* digits before the point without an exponent */
#define MAX_PLAIN_ZEROS 3    /* zeros after it */
#define MAX_EXPONENT    9999 /* beyond, every number is 0 or infinite */

static const double power_of_ten[MAX_EXACT_POWER + 1] = {
	1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* digits times ten to the exponent; the digits without leading zeros */
typedef struct decimal
{
	char digits[MAX_TEXT + 1];
	size_t n_digits;
	long exponent;
} decimal;

static long
read_exponent(const char *at, const char *end)
{
	bool is_negative = *at == '-';
	long exponent = 0;

	if (*at == '-' || *at == '+')
		at++;
	for (; at < end; at++)
		if (exponent <= MAX_EXPONENT)
			exponent = exponent * 10 + (*at - '0');
	return is_negative ? -exponent : exponent;
}

static void
read_decimal(cer_text text, decimal *d)
{
	const char *end = text.data + text.size;
	bool is_fraction = false;

	d->n_digits = 0;
	d->exponent = 0;
	for (const char *at = text.data; at < end; at++)
	{
		if (*at == '.')
		{
			is_fraction = true;
			continue;
		}
		if (*at == 'e' || *at == 'E')
		{
			d->exponent += read_exponent(at + 1, end);
			break;
		}
		if (is_fraction)
			d->exponent--;
		if (d->n_digits > 0 || *at != '0')
			d->digits[d->n_digits++] = *at;
	}
	while (d->n_digits > 0 && d->digits[d->n_digits - 1] == '0')
	{
		d->n_digits--;
		d->exponent++;
	}
	d->digits[d->n_digits] = '\0';
}

static double
scale(double integer, long exponent)
{
	if (exponent < 0)
		return integer / power_of_ten[-exponent];
	return integer * power_of_ten[exponent];
}

bool
cer_number_parse(cer_text text, double *number)
{
	decimal d;
	double value;

	read_decimal(text, &d);
	if (d.n_digits <= 15 && labs(d.exponent) <= MAX_EXACT_POWER)
	{
		double integer = 0;

		for (size_t i = 0; i < d.n_digits; i++)
			integer = integer * 10 + (d.digits[i] - '0');
		value = scale(integer, d.exponent);
	}
	else
	{
		char spelling[MAX_TEXT + 32];

		snprintf(spelling, sizeof(spelling), "0%se%ld", d.digits, d.exponent);
		value = strtod(spelling, NULL);
	}
	if (!isfinite(value))
		return false;
	*number = value;
	return true;
}

static void
write_integer(uint64_t integer, decimal *d)
{
	char reversed[24];
	size_t n = 0;

	for (; integer > 0; integer /= 10)
		reversed[n++] = (char) ('0' + integer % 10);
	d->n_digits = n;
	for (size_t i = 0; i < n; i++)
		d->digits[i] = reversed[n - 1 - i];
}

/* number is positive; false where 15 digits and 22 places do not do */
static bool
find_short(double number, decimal *d)
{
	for (int places = 0; places <= MAX_EXACT_POWER; places++)
	{
		double integer = nearbyint(number * power_of_ten[places]);

		if (integer >= MAX_SURE_INT)
			return false;
		if (integer / power_of_ten[places] == number)
		{
			write_integer((uint64_t) integer, d);
			d->exponent = -places;
			return true;
		}
	}
	return false;
}

static void
find_long(double number, decimal *d)
{
	char spelling[MAX_TEXT + 32];

	/* below DBL_MIN doubles lie so far apart that fewer digits may do */
	for (int precision = number < DBL_MIN ? 0 : 14; precision <= 16;
	     precision++)
	{
		const char *at = spelling;

		snprintf(spelling, sizeof(spelling), "%.*e", precision, number);
		d->n_digits = 0;
		for (; *at != 'e'; at++)
			if (*at >= '0' && *at <= '9')
				d->digits[d->n_digits++] = *at;
		d->digits[d->n_digits] = '\0';
		d->exponent = strtol(at + 1, NULL, 10) - precision;
		snprintf(spelling, sizeof(spelling), "%se%ld", d->digits, d->exponent);
		if (strtod(spelling, NULL) == number)
			break;
	}
}

static void
strip_zeros(decimal *d)
{
	while (d->n_digits > 1 && d->digits[d->n_digits - 1] == '0')
	{
		d->n_digits--;
		d->exponent++;
	}
	d->digits[d->n_digits] = '\0';
}

static char *
put(char *at, const char *text, size_t size)
{
	memcpy(at, text, size);
	return at + size;
}

static char *
put_zeros(char *at, size_t n)
{
	memset(at, '0', n);
	return at + n;
}

static char *
put_scientific(char *at, const decimal *d, long exponent)
{
	*at++ = d->digits[0];
	if (d->n_digits > 1)
		*at++ = '.';
	at = put(at, d->digits + 1, d->n_digits - 1);
	return at + snprintf(at, 8, "e%d", (int) exponent);
}

/* 12345, 0.0012 or 1.5e-7 */
static char *
put_decimal(char *at, const decimal *d)
{
	size_t n = d->n_digits;
	long point = (long) n + d->exponent; /* digits before the point */

	if (point > MAX_PLAIN || point < -MAX_PLAIN_ZEROS)
		return put_scientific(at, d, point - 1);
	if (point <= 0)
	{
		at = put(at, "0.", 2);
		at = put_zeros(at, (size_t) -point);
		return put(at, d->digits, n);
	}
	if ((size_t) point >= n)
		return put_zeros(put(at, d->digits, n), (size_t) d->exponent);
	at = put(at, d->digits, (size_t) point);
	*at++ = '.';
	return put(at, d->digits + point, n - (size_t) point);
}

size_t
cer_number_print(double number, char text[CER_NUMBER_BYTES])
{
	char *at = text;
	decimal d;

	if (number < 0)
		*at++ = '-';
	if (number == 0)
		*at++ = '0';
	else
	{
		if (!find_short(fabs(number), &d))
			find_long(fabs(number), &d);
		strip_zeros(&d);
		at = put_decimal(at, &d);
	}
	*at = '\0';
	return (size_t) (at - text);
}
