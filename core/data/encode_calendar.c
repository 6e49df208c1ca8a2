/*
 * data/encode_calendar.c
 *	  Dates and times: their parts, and where they stand in periods that come
 *	  again.
 *
 *	 parts		year, month, day of the month, day of the week, hour, minute, as
 *				far as they are there and differ: each a row of the first layer
 *				per value that training rows had
 *	 cycles		sine and cosine of the way through the day, the week, the month
 *				and the year; cycles(p) of any number: through p
 *
 * Days are those of the Gregorian calendar, whatever zone a timestamp with time
 * zone was written in: UTC.  A value of a part that no training row had counts
 * as the nearest one that was there.  Infinite dates count as missing.
 */
#include "data/encoder.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>

#define SECONDS_OF_DAY 86400.0
#define MAX_DAYS       1e8  /* PostgreSQL's last year is 294276 */
#define MAX_YEARS      4096 /* told apart; earlier and later ones are ends */

/* A day and the seconds since it began. */
typedef struct moment
{
	bool is_there;
	int64_t days; /* since 2000-01-01 */
	double seconds;
	int year;
	int month; /* from 1 */
	int day;   /* from 1 */
	int day_of_year;
	int weekday; /* Monday is 0 */
} moment;

/* ---- the calendar ---- */

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
count_days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Years of 400 have 146097 days; within them they are counted from March, so
 * that the day that may be there or not is the last. */
static void
find_day(moment *m)
{
	int64_t days = m->days + 730425; /* since 0000-03-01 */
	int64_t era = days >= 0 ? days / 146097 : (days - 146096) / 146097;
	int64_t of_era = days - era * 146097;
	int64_t year =
		(of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* March is 0 */

	m->day = (int) (of_year - (153 * month + 2) / 5 + 1);
	m->month = (int) (month < 10 ? month + 3 : month - 9);
	m->year = (int) (year + era * 400 + (m->month <= 2));
	m->day_of_year = m->day - 1;
	for (int before = 1; before < m->month; before++)
		m->day_of_year += count_days_of_month(m->year, before);
	/* 2000-01-01 was a Saturday */
	m->weekday = (int) ((m->days % 7 + 7 + 5) % 7);
}

static moment
read_moment(cer_time_unit unit, double x)
{
	moment m = {.is_there = false};
	double days = unit == CER_UNIT_DATE        ? floor(x)
	              : unit == CER_UNIT_TIMESTAMP ? floor(x / SECONDS_OF_DAY)
	                                           : 0;

	if (!(fabs(x) <= MAX_DAYS * SECONDS_OF_DAY) || fabs(days) > MAX_DAYS)
		return m;
	m.is_there = true;
	m.days = (int64_t) days;
	if (unit != CER_UNIT_DATE)
		m.seconds = x - days * SECONDS_OF_DAY;
	if (unit != CER_UNIT_TIME)
		find_day(&m);
	return m;
}

/* ---- cycles ---- */

enum
{
	CYCLE_DAY,
	CYCLE_WEEK,
	CYCLE_MONTH,
	CYCLE_YEAR,
	N_CYCLES
};

static uint32_t
list_cycles(cer_time_unit unit)
{
	switch (unit)
	{
		case CER_UNIT_DATE:
			return 1u << CYCLE_WEEK | 1u << CYCLE_MONTH | 1u << CYCLE_YEAR;
		case CER_UNIT_TIME:
			return 1u << CYCLE_DAY;
		case CER_UNIT_TIMESTAMP:
			return (1u << N_CYCLES) - 1;
		case CER_UNIT_NONE:
			break;
	}
	return 1;
}

/* How far through the cycle, 0 to 1. */
static double
get_phase(const moment *m, int cycle)
{
	double of_day = m->seconds / SECONDS_OF_DAY;

	switch (cycle)
	{
		case CYCLE_DAY:
			return of_day;
		case CYCLE_WEEK:
			return (m->weekday + of_day) / 7;
		case CYCLE_MONTH:
			return (m->day - 1 + of_day) /
			       count_days_of_month(m->year, m->month);
		default:
			return (m->day_of_year + of_day) / (is_leap(m->year) ? 366 : 365);
	}
}

static void
place_cycles(cer_encoder *encoder)
{
	encoder->n_scaled = 2 * (size_t) __builtin_popcount(encoder->cycles);
}

/* Cycles in which training rows stand in different places. */
static uint32_t
find_cycles(const cer_fit_input *fit)
{
	cer_time_unit unit = fit->encoder->unit;
	uint32_t all = list_cycles(unit);
	uint32_t found = 0;
	moment first = {.is_there = false};

	for (size_t row = 0; row < fit->n_rows && found != all; row++)
	{
		moment m = read_moment(unit, cer_data_get_number(fit->column, row));

		if (m.is_there && !first.is_there)
			first = m;
		for (int cycle = 0; m.is_there && cycle < N_CYCLES; cycle++)
			if (all >> cycle & 1 &&
			    get_phase(&m, cycle) != get_phase(&first, cycle))
				found |= 1u << cycle;
	}
	return found != 0 ? found : all & -all;
}

void
cer_cycles_measure(cer_fit_input *fit)
{
	cer_encoder *encoder = fit->encoder;
	bool is_time = encoder->spec.scale == 0;

	encoder->cycles = is_time ? find_cycles(fit) : 1;
	encoder->scale = encoder->spec.scale;
	if (!is_time)
		encoder->unit = CER_UNIT_NONE;
	for (size_t row = 0; row < fit->n_rows && !encoder->has_missing; row++)
	{
		double x = cer_data_get_number(fit->column, row);

		encoder->has_missing = !isfinite(x);
	}
	place_cycles(encoder);
}

static void
write_phase(double phase, float *to)
{
	double angle = 2 * M_PI * (phase - floor(phase));

	to[0] = (float) sin(angle);
	to[1] = (float) cos(angle);
}

static void
encode_cycles(const cer_encoder *encoder, double x, float *to)
{
	moment m = read_moment(encoder->unit, x);

	if (encoder->scale > 0)
		m.is_there = isfinite(x / encoder->scale);
	memset(to, 0, encoder->n_scaled * sizeof(*to));
	if (encoder->has_missing)
		to[encoder->n_scaled] = m.is_there ? 0 : 1;
	if (!m.is_there)
		return;
	if (encoder->scale > 0)
	{
		write_phase(x / encoder->scale, to);
		return;
	}
	for (int cycle = 0; cycle < N_CYCLES; cycle++)
		if (encoder->cycles >> cycle & 1)
		{
			write_phase(get_phase(&m, cycle), to);
			to += 2;
		}
}

void
cer_cycles_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	float *to = block->numbers + encoder->number;

	for (size_t i = 0; i < block->n_rows; i++, to += block->n_numbers)
		encode_cycles(encoder,
		              cer_data_get_number(block->column, block->first + i), to);
}

void
cer_cycles_encode_values(const cer_encoder *encoder,
                         const cer_value_block *block)
{
	float *to = block->numbers + encoder->number;

	for (size_t i = 0; i < block->n_rows; i++, to += block->n_numbers)
		encode_cycles(encoder, block->values[i].number, to);
}

void
cer_cycles_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, encoder->unit, 1);
	cer_write_number(to, encoder->cycles, 1);
	cer_write_double(to, encoder->scale);
	cer_write_number(to, encoder->has_missing, 1);
}

cer_status
cer_cycles_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
                cer_error *err)
{
	uint64_t unit = cer_read_number(from, 1);
	uint64_t cycles = cer_read_number(from, 1);
	uint64_t has_missing;

	(void) arena;
	encoder->scale = cer_read_double(from);
	has_missing = cer_read_number(from, 1);
	if (unit > CER_UNIT_TIMESTAMP || cycles == 0 || has_missing > 1 ||
	    (cycles & ~(uint64_t) list_cycles((cer_time_unit) unit)) != 0 ||
	    (unit == CER_UNIT_NONE) != (encoder->scale > 0) ||
	    !(encoder->scale >= 0 && encoder->scale <= CER_HUGE_NUMBER))
		return cer_encoder_fail(encoder, err);
	encoder->unit = (cer_time_unit) unit;
	encoder->cycles = (uint32_t) cycles;
	encoder->has_missing = has_missing == 1;
	place_cycles(encoder);
	return CER_OK;
}

/* ---- parts ---- */

enum
{
	PART_YEAR,
	PART_MONTH,
	PART_DAY,
	PART_WEEKDAY,
	PART_HOUR,
	PART_MINUTE,
	N_PARTS
};

static const char *const part_names[N_PARTS] = {"year",    "month", "day",
                                                "weekday", "hour",  "minute"};

static bool
has_part(cer_time_unit unit, int part)
{
	bool is_of_day = part == PART_HOUR || part == PART_MINUTE;

	return unit == CER_UNIT_TIMESTAMP || (unit == CER_UNIT_TIME && is_of_day) ||
	       (unit == CER_UNIT_DATE && !is_of_day);
}

static int32_t
get_part(const moment *m, uint32_t part)
{
	switch (part)
	{
		case PART_YEAR:
			return m->year;
		case PART_MONTH:
			return m->month;
		case PART_DAY:
			return m->day;
		case PART_WEEKDAY:
			return m->weekday;
		case PART_HOUR:
			return (int32_t) (m->seconds / 3600);
		default:
			return (int32_t) (m->seconds / 60) % 60;
	}
}

/* The rows are looked at when settled: that may allocate. */
void
cer_parts_measure(cer_fit_input *fit)
{
	(void) fit;
}

/* How many training rows have each value from `least` on. */
typedef struct part_counts
{
	int32_t least;
	uint32_t n_missing;
	uint32_t *rows; /* (MAX_YEARS) */
} part_counts;

static int32_t
find_least(const cer_fit_input *fit, uint32_t part)
{
	int32_t found = INT32_MAX;

	for (size_t row = 0; row < fit->n_rows; row++)
	{
		moment m = read_moment(fit->encoder->unit,
		                       cer_data_get_number(fit->column, row));

		if (m.is_there && get_part(&m, part) < found)
			found = get_part(&m, part);
	}
	return found;
}

static void
count_part(const cer_fit_input *fit, uint32_t part, part_counts *counts)
{
	counts->least = find_least(fit, part);
	counts->n_missing = 0;
	memset(counts->rows, 0, MAX_YEARS * sizeof(*counts->rows));
	for (size_t row = 0; row < fit->n_rows; row++)
	{
		moment m = read_moment(fit->encoder->unit,
		                       cer_data_get_number(fit->column, row));
		int64_t at = (int64_t) get_part(&m, part) - counts->least;

		if (m.is_there)
			counts->rows[at < MAX_YEARS ? at : MAX_YEARS - 1]++;
		else
			counts->n_missing++;
	}
}

/* Appends the part if training rows differ in it. */
static cer_status
add_part(cer_arena *arena, const part_counts *counts, uint32_t kind,
         cer_encoder *encoder, cer_error *err)
{
	cer_time_part *part = &encoder->parts[encoder->n_parts];
	uint32_t n_most = 0;
	uint32_t most = 0;
	uint32_t n = 0;
	int32_t *values;

	for (size_t i = 0; i < MAX_YEARS; i++)
		n += counts->rows[i] > 0;
	if (n < 2)
		return CER_OK;
	values = cer_arena_allocate(arena, n * sizeof(*values));
	if (values == NULL)
		return cer_fail_memory(err, n * sizeof(*values));
	*part = (cer_time_part){.kind = kind, .values = values};
	for (int32_t i = 0; i < MAX_YEARS; i++)
	{
		if (counts->rows[i] == 0)
			continue;
		if (counts->rows[i] > n_most)
		{
			n_most = counts->rows[i];
			most = part->n_values;
		}
		values[part->n_values++] = counts->least + i;
	}
	part->null_code =
		counts->n_missing > 0 ? CER_CODE_NULL : CER_CODE_FIRST + most;
	encoder->n_parts++;
	return CER_OK;
}

cer_status
cer_parts_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	cer_encoder *encoder = fit->encoder;
	size_t size = MAX_YEARS * sizeof(uint32_t);
	part_counts counts = {.rows = cer_arena_allocate(fit->work, size)};

	encoder->parts =
		cer_arena_allocate(arena, N_PARTS * sizeof(*encoder->parts));
	if (counts.rows == NULL || encoder->parts == NULL)
		return cer_fail_memory(err, size);
	for (int part = 0; part < N_PARTS; part++)
	{
		if (!has_part(encoder->unit, part))
			continue;
		count_part(fit, (uint32_t) part, &counts);
		CER_TRY(add_part(arena, &counts, (uint32_t) part, encoder, err));
	}
	encoder->n_codes = encoder->n_parts;
	return CER_OK;
}

/* The nearest of the values; of two the lesser one. */
static uint32_t
find_nearest(const cer_time_part *part, int32_t value)
{
	uint32_t at = 0;

	while (at + 1 < part->n_values &&
	       llabs((int64_t) part->values[at + 1] - value) <
	           llabs((int64_t) part->values[at] - value))
		at++;
	return CER_CODE_FIRST + at;
}

static void
encode_parts(const cer_encoder *encoder, double x, uint32_t *to)
{
	moment m = read_moment(encoder->unit, x);

	for (size_t i = 0; i < encoder->n_parts; i++)
	{
		const cer_time_part *part = &encoder->parts[i];

		to[i] = m.is_there ? find_nearest(part, get_part(&m, part->kind))
		                   : part->null_code;
	}
}

void
cer_parts_encode(const cer_encoder *encoder, const cer_encode_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++, to += block->n_tables)
		encode_parts(encoder,
		             cer_data_get_number(block->column, block->first + i), to);
}

void
cer_parts_encode_values(const cer_encoder *encoder,
                        const cer_value_block *block)
{
	uint32_t *to = block->codes + encoder->table;

	for (size_t i = 0; i < block->n_rows; i++, to += block->n_tables)
		encode_parts(encoder, block->values[i].number, to);
}

void
cer_parts_describe(const cer_encoder *encoder, size_t i, cer_table_shape *table,
                   const char **suffix)
{
	table->width = 0;
	table->n_codes = CER_CODE_FIRST + encoder->parts[i].n_values;
	*suffix = part_names[encoder->parts[i].kind];
}

void
cer_parts_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, encoder->unit, 1);
	cer_write_number(to, encoder->n_parts, 1);
	for (size_t i = 0; i < encoder->n_parts; i++)
	{
		const cer_time_part *part = &encoder->parts[i];

		cer_write_number(to, part->kind, 1);
		cer_write_number(to, part->null_code, sizeof(uint32_t));
		cer_write_number(to, part->n_values, sizeof(uint32_t));
		for (uint32_t k = 0; k < part->n_values; k++)
			cer_write_number(to, (uint32_t) part->values[k], sizeof(uint32_t));
	}
}

static cer_status
read_part(cer_arena *arena, cer_byte_reader *from, const cer_encoder *encoder,
          cer_time_part *part, cer_error *err)
{
	int32_t *values;

	part->kind = (uint32_t) cer_read_number(from, 1);
	part->null_code = (uint32_t) cer_read_number(from, sizeof(uint32_t));
	part->n_values = (uint32_t) cer_read_number(from, sizeof(uint32_t));
	if (part->kind >= N_PARTS || part->n_values < 2 ||
	    part->n_values > MAX_YEARS ||
	    part->n_values > from->left / sizeof(uint32_t) ||
	    part->null_code >= CER_CODE_FIRST + part->n_values)
		return cer_encoder_fail(encoder, err);
	values = cer_arena_allocate(arena, part->n_values * sizeof(*values));
	if (values == NULL)
		return cer_fail_memory(err, part->n_values * sizeof(*values));
	for (uint32_t i = 0; i < part->n_values; i++)
	{
		values[i] = (int32_t) cer_read_number(from, sizeof(uint32_t));
		if (i > 0 && values[i] <= values[i - 1])
			return cer_encoder_fail(encoder, err);
	}
	part->values = values;
	return CER_OK;
}

cer_status
cer_parts_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
               cer_error *err)
{
	uint64_t unit = cer_read_number(from, 1);
	size_t n = (size_t) cer_read_number(from, 1);
	cer_time_part *parts;

	if (unit == CER_UNIT_NONE || unit > CER_UNIT_TIMESTAMP || n > N_PARTS)
		return cer_encoder_fail(encoder, err);
	parts = cer_arena_allocate(arena, n * sizeof(*parts));
	if (parts == NULL)
		return cer_fail_memory(err, n * sizeof(*parts));
	for (size_t i = 0; i < n; i++)
	{
		CER_TRY(read_part(arena, from, encoder, &parts[i], err));
		if (i > 0 && parts[i].kind <= parts[i - 1].kind)
			return cer_encoder_fail(encoder, err);
	}
	encoder->unit = (cer_time_unit) unit;
	encoder->n_parts = n;
	encoder->n_codes = n;
	encoder->parts = parts;
	return CER_OK;
}
