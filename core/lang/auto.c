/*
 * lang/auto.c
 *	  AS auto: triples that are likely to do well.
 *
 * The portfolio is ordered by what measured best on real sets of many sizes
 * (bench/README.md).  Networks that go through the rows often go through many
 * rows less often: what counts is about how many steps they make.
 */
#include "lang/mst.h"

#include "base/arena.h"
#include "base/text.h"
#include "lang/ast.h"
#include "lang/path.h"

#include <stdio.h>
#include <string.h>

bool
cer_mst_is_auto(const cer_mst *mst)
{
	return mst->is_auto;
}

double
cer_mst_get_budget(const cer_mst *mst)
{
	return mst->budget;
}

/* A setting that PT is given unless it says another. */
typedef struct auto_setting
{
	const char *name;
	const char *value; /* NULL: epochs by rows */
} auto_setting;

#define MAX_SETTINGS 4

typedef struct auto_choice
{
	const char *structure;
	double cost; /* seconds beside others */
	auto_setting settings[MAX_SETTINGS];
} auto_choice;

static const auto_choice choices[] = {
	{"realmlp", 1.0, {{"epochs", NULL}}},
	{"mlp(256 x 3)",
     0.5,
     {{"activation", "silu"}, {"epochs", "60"}, {"patience", "8"}}},
	{"realmlp(512, 256, 128)", 1.5, {{"epochs", NULL}, {"seed", "1"}}},
	{"residual", 0.6, {{"seed", "2"}}},
	{"realmlp", 1.0, {{"epochs", NULL}, {"dropout", "0.3"}, {"seed", "3"}}},
	{"tabm(256 x 2, members = 16)", 5.0, {{"epochs", "60"}}},
	{"dcn", 0.5, {{"seed", "4"}}},
};

#define N_CHOICES (sizeof(choices) / sizeof(choices[0]))

/* 64 for few rows, fewer for many, 12 at least. */
static unsigned
choose_epochs(size_t n_rows)
{
	double epochs = 64.0;

	if (n_rows > 20000)
		epochs = 64.0 * 20000.0 / (double) n_rows;
	return epochs < 12.0 ? 12 : (unsigned) epochs;
}

static bool
is_said(const cer_mst *mst, const char *name)
{
	cer_training training;
	cer_text wanted = cer_text_of(name);

	cer_training_init(&training, mst->ast);
	return (training.pt && cer_ast_find_named(training.pt, wanted)) ||
	       (training.call && cer_ast_find_named(training.call, wanted));
}

static cer_status
print_section(cer_arena *arena, const cer_mst *mst, cer_ast_kind kind,
              cer_text *text, cer_error *err)
{
	const cer_ast *section = cer_ast_find_section(mst->ast, kind);

	*text = (cer_text){"", 0};
	return section ? cer_ast_print(arena, section, text, err) : CER_OK;
}

#define MAX_CHOICE_TEXT 300

/* For printf: all of a text, where CER_SHOW is for messages and clips. */
#define WHOLE(text) (int) (text).size, (text).data

/* "AS realmlp PT ..., epochs = 64" behind FE, without what PT says. */
static cer_status
make_triple(cer_arena *arena, const cer_mst *mst, const auto_choice *choice,
            size_t n_rows, const cer_mst **made, cer_error *err)
{
	cer_text fe;
	cer_text pt;
	size_t size;
	char *text;
	int n;

	CER_TRY(print_section(arena, mst, CER_AST_FE, &fe, err));
	CER_TRY(print_section(arena, mst, CER_AST_PT, &pt, err));
	size = fe.size + pt.size + MAX_CHOICE_TEXT;
	text = cer_arena_allocate(arena, size);
	if (text == NULL)
		return cer_fail_memory(err, size);
	n = snprintf(text, size, "%.*s AS %s %.*s", WHOLE(fe), choice->structure,
	             WHOLE(pt));
	for (size_t i = 0; i < MAX_SETTINGS && choice->settings[i].name; i++)
	{
		const auto_setting *setting = &choice->settings[i];
		const char *before = pt.size > 0 ? "," : " PT";

		if (is_said(mst, setting->name))
			continue;
		pt.size++;
		if (setting->value != NULL)
			n += snprintf(text + n, size - (size_t) n, "%s %s = %s", before,
			              setting->name, setting->value);
		else
			n += snprintf(text + n, size - (size_t) n, "%s %s = %u", before,
			              setting->name, choose_epochs(n_rows));
	}
	return cer_mst_parse(arena, (cer_text){text, (size_t) n}, made, err);
}

cer_status
cer_auto_make(cer_arena *arena, const cer_mst *mst, size_t n_rows,
              const cer_auto_try **tries, size_t *n_tries, cer_error *err)
{
	size_t n = mst->budget > 0 ? N_CHOICES : 1;
	cer_auto_try *made = cer_arena_allocate(arena, n * sizeof(*made));

	if (made == NULL)
		return cer_fail_memory(err, n * sizeof(*made));
	for (size_t i = 0; i < n; i++)
	{
		made[i].cost = choices[i].cost;
		CER_TRY(
			make_triple(arena, mst, &choices[i], n_rows, &made[i].mst, err));
	}
	*tries = made;
	*n_tries = n;
	return CER_OK;
}

cer_status
cer_auto_request(cer_arena *arena, const cer_mst *mst, const cer_mst **request,
                 cer_error *err)
{
	cer_text fe;
	size_t size;
	char *text;
	int n;

	CER_TRY(print_section(arena, mst, CER_AST_FE, &fe, err));
	size = fe.size + 16;
	text = cer_arena_allocate(arena, size);
	if (text == NULL)
		return cer_fail_memory(err, size);
	n = snprintf(text, size, "%.*s AS auto", WHOLE(fe));
	return cer_mst_parse(arena, (cer_text){text, (size_t) n}, request, err);
}
