/*
 * lang/split.c
 *	  How the rows of a task are divided into train, valid and test.
 *
 *	 split = 'random' ['(' shares ')']
 *		   | 'time' '(' sql [',' (shares | string ',' string)] ')'
 *		   | 'group' '(' sql [',' shares] ')'
 *		   | 'column' '(' sql ')'
 *	 shares = number ',' number ',' number
 *
 * The parts of a random or group split are intervals of the keyed hash, so that
 * a row's part depends on nothing but its key and the shares.
 */
#include "base/error.h"
#include "base/text.h"
#include "lang/lex.h"
#include "lang/suggest.h"

#include <math.h>
#include <string.h>

#define SUM_TOLERANCE 1e-6

static const double default_share[CER_N_PARTS] = {0.7, 0.15, 0.15};
static const char *const part_names[CER_N_PARTS] = {"train", "valid", "test"};

/* Indexed by cer_split_kind. */
static const struct
{
	const char *name;
	bool has_sql;
	bool has_shares;
	bool has_cuts;
} kinds[] = {
	[CER_SPLIT_RANDOM] = {.name = "random", .has_shares = true},
	[CER_SPLIT_TIME] = {.name = "time",
                        .has_sql = true,
                        .has_shares = true,
                        .has_cuts = true},
	[CER_SPLIT_GROUP] = {.name = "group", .has_sql = true, .has_shares = true},
	[CER_SPLIT_COLUMN] = {.name = "column", .has_sql = true},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

typedef struct parser
{
	cer_lexer lexer;
	cer_arena *arena;
	cer_error *err;
	cer_token token;
} parser;

static cer_status
advance(parser *p)
{
	return cer_lexer_read(&p->lexer, &p->token);
}

static cer_status
fail_unexpected(parser *p, const char *expected)
{
	return cer_token_fail(&p->token, expected, p->err);
}

static cer_status
fail_kind(parser *p)
{
	cer_suggestion suggestion;

	if (p->token.kind != CER_TOKEN_NAME)
		return fail_unexpected(p, "random, time, group or column");
	cer_fail_at(p->err, CER_UNKNOWN_NAME, p->token.place,
	            "unknown split \"%.*s\"", CER_SHOW(p->token.name));
	cer_error_set_detail(p->err, "A split is random(...), time(...), "
	                             "group(...) or column(...).");
	cer_suggestion_init(&suggestion, p->token.name);
	for (size_t i = 0; i < N_KINDS; i++)
		cer_suggestion_offer(&suggestion, cer_text_of(kinds[i].name));
	cer_suggestion_hint(&suggestion, p->err);
	return CER_UNKNOWN_NAME;
}

static cer_status
parse_kind(parser *p, cer_split *split)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (p->token.kind == CER_TOKEN_NAME &&
		    cer_text_is(p->token.name, kinds[i].name))
		{
			split->kind = (cer_split_kind) i;
			return advance(p);
		}
	return fail_kind(p);
}

/* The opening parenthesis is in hand, nothing behind it is read yet. */
static cer_status
parse_sql(parser *p, cer_split *split)
{
	cer_text sql;
	char *copy;

	CER_TRY(cer_lexer_read_sql(&p->lexer, &sql));
	copy = cer_arena_allocate(p->arena, sql.size);
	if (copy == NULL)
		return cer_fail_memory(p->err, sql.size);
	memcpy(copy, sql.data, sql.size);
	split->sql = (cer_text){copy, sql.size};
	return advance(p);
}

static cer_status
parse_comma(parser *p)
{
	if (p->token.kind != ',')
		return fail_unexpected(p, "\",\"");
	return advance(p);
}

/* Training and validation need rows; a test part may be left out. */
static cer_status
parse_share(parser *p, cer_part_of_rows part, double *share)
{
	double number = p->token.number;

	if (p->token.kind != CER_TOKEN_NUMBER)
		return fail_unexpected(p, "a share: a number from 0 to 1");
	if (number > 1 || (number == 0 && part != CER_TEST))
	{
		cer_fail_at(p->err, CER_BAD_VALUE, p->token.place,
		            "bad share %.*s for %s", CER_SHOW(p->token.source),
		            part_names[part]);
		cer_error_set_detail(p->err,
		                     "Shares are for train, valid and test; those of "
		                     "train and valid are above 0.");
		return CER_BAD_VALUE;
	}
	share[part] = number;
	return advance(p);
}

/* Whoever gives fewer learns how many there are. */
static cer_status
parse_share_comma(parser *p)
{
	if (p->token.kind != ',')
		return fail_unexpected(p, "\",\" and the next share: train, valid and "
		                          "test have one each");
	return advance(p);
}

static cer_status
parse_shares(parser *p, cer_split *split)
{
	cer_place place = p->token.place;
	double *share = split->share;
	double sum;

	CER_TRY(parse_share(p, CER_TRAIN, share));
	CER_TRY(parse_share_comma(p));
	CER_TRY(parse_share(p, CER_VALID, share));
	CER_TRY(parse_share_comma(p));
	CER_TRY(parse_share(p, CER_TEST, share));
	sum = share[CER_TRAIN] + share[CER_VALID] + share[CER_TEST];
	if (fabs(sum - 1) > SUM_TOLERANCE)
	{
		cer_fail_at(p->err, CER_BAD_VALUE, place, "shares sum to %g", sum);
		cer_error_set_hint(p->err, "Shares of train, valid and test sum to 1.");
		return CER_BAD_VALUE;
	}
	return CER_OK;
}

static cer_status
parse_cut(parser *p, cer_text *cut)
{
	if (p->token.kind != CER_TOKEN_STRING)
		return fail_unexpected(p, "a time in quotes");
	*cut = p->token.name;
	return advance(p);
}

static cer_status
parse_cuts(parser *p, cer_split *split)
{
	CER_TRY(parse_cut(p, &split->cuts[0]));
	CER_TRY(parse_comma(p));
	CER_TRY(parse_cut(p, &split->cuts[1]));
	split->has_cuts = true;
	memset(split->share, 0, sizeof(split->share));
	return CER_OK;
}

/* What stands in the parentheses after the kind. */
static cer_status
parse_arguments(parser *p, cer_split *split)
{
	bool has_sql = kinds[split->kind].has_sql;

	if (has_sql)
		CER_TRY(parse_sql(p, split));
	else
		CER_TRY(advance(p));
	if (!kinds[split->kind].has_shares || p->token.kind == ')')
		return CER_OK;
	if (has_sql)
		CER_TRY(parse_comma(p));
	if (kinds[split->kind].has_cuts && p->token.kind == CER_TOKEN_STRING)
		return parse_cuts(p, split);
	return parse_shares(p, split);
}

static cer_status
parse_split(parser *p, cer_split *split)
{
	CER_TRY(parse_kind(p, split));
	if (kinds[split->kind].has_shares)
		memcpy(split->share, default_share, sizeof(default_share));
	if (p->token.kind == '(')
	{
		CER_TRY(parse_arguments(p, split));
		if (p->token.kind != ')')
			return fail_unexpected(p, "\")\"");
		CER_TRY(advance(p));
	}
	else if (kinds[split->kind].has_sql)
		return fail_unexpected(p, "\"(\" and an SQL expression");
	if (p->token.kind != CER_TOKEN_END)
		return fail_unexpected(p, "the end");
	return CER_OK;
}

cer_status
cer_split_parse(cer_arena *arena, cer_text text, cer_split *split,
                cer_error *err)
{
	parser p = {.arena = arena, .err = err};
	cer_split made = {0};

	CER_TRY(cer_lexer_init(&p.lexer, arena, text, err));
	CER_TRY(advance(&p));
	CER_TRY(parse_split(&p, &made));
	*split = made;
	return CER_OK;
}

/* A row keeps its part when the shares of the parts before it stay. */
cer_part_of_rows
cer_split_get_part(const double *share, uint64_t row_key)
{
	/* the upper 53 bits are exact as a double: a number in [0, 1) */
	double position = (double) (row_key >> 11) * 0x1p-53;

	if (position < share[CER_TRAIN])
		return CER_TRAIN;
	if (share[CER_TEST] <= 0 || position < share[CER_TRAIN] + share[CER_VALID])
		return CER_VALID;
	return CER_TEST;
}
