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

#include <stdarg.h>
#include <stdio.h>

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

#define MAX_SETTINGS 5

typedef struct portfolio_row
{
	const char *structure;
	const char *settings[MAX_SETTINGS][2]; /* name, value: unless PT says
	                                        * another */
	double cost;
	double epochs; /* by rows, times this */
	uint32_t least_epochs;
	uint32_t probe_epochs; /* 0: no probe */
	bool is_of_few;        /* with few rows it is probed, too */
} portfolio_row;

/*
 * The linear one is there for rows that tell little: it costs next to nothing,
 * and with it no ensemble is worse than logistic regression.  The factorization
 * is there for categories of many values.  Rates fall to 0 with the last epoch,
 * so that each takes the time that was planned, and its best epoch is late.  On few
 * rows residual and dcn are best after few epochs, if they are good at all, and a
 * small transformer is now and then far better than all others; of many rows its
 * epochs are too dear.
 */
static const portfolio_row portfolio[] = {
	{.structure = "realmlp",
     .cost = 4.0,
     .epochs = 1.0,
     .least_epochs = 6,
     .probe_epochs = 1},
	{.structure = "mlp(256 x 3)",
     .settings = {{"activation", "silu"},
                  {"lr", "0.002"},
                  {"decay", "0.02"},
                  {"schedule", "cosine"},
                  {"patience", "0"}},
     .cost = 1.0,
     .epochs = 0.5,
     .least_epochs = 3,
     .probe_epochs = 1},
	{.structure = "ft_transformer(2, 32, hidden = 32)",
     .settings = {{"lr", "0.003"}, {"schedule", "cosine"}, {"patience", "0"}},
     .cost = 8.0,
     .epochs = 0.5,
     .least_epochs = 8,
     .is_of_few = true},
	{.structure = "wide",
     .settings = {{"lr", "0.003"}, {"schedule", "cosine"}, {"patience", "0"}},
     .cost = 0.2,
     .epochs = 0.5,
     .least_epochs = 1,
     .probe_epochs = 4},
	{.structure = "sum(wide, tokens(16) > fm > output)",
     .settings = {{"lr", "0.003"},
                  {"embed_decay", "0.1"},
                  {"schedule", "cosine"},
                  {"patience", "0"}},
     .cost = 0.6,
     .epochs = 0.5,
     .least_epochs = 3},
	{.structure = "residual",
     .settings = {{"schedule", "cosine"}, {"patience", "0"}},
     .cost = 3.0,
     .epochs = 0.25,
     .least_epochs = 4},
	{.structure = "realmlp(512, 256, 128)",
     .cost = 6.0,
     .epochs = 1.0,
     .least_epochs = 6},
	{.structure = "realmlp",
     .settings = {{"dropout", "0.3"}},
     .cost = 4.0,
     .epochs = 1.0,
     .least_epochs = 6},
	{.structure = "dcn",
     .settings = {{"schedule", "cosine"}, {"patience", "0"}},
     .cost = 3.0,
     .epochs = 0.25,
     .least_epochs = 4},
	{.structure = "tabm(256 x 2, members = 16)",
     .settings = {{"schedule", "cosine"}, {"patience", "0"}},
     .cost = 15.0,
     .epochs = 0.5,
     .least_epochs = 4},
};

#define N_CHOICES      (sizeof(portfolio) / sizeof(portfolio[0]))
#define FEW_ROWS       8000
#define DEFAULT_CHOICE 0
#define LEAST_EPOCHS   8

/*
 * Of few rows the transformer begins beside realmlp: what it finds differs most
 * from that, and its epochs, each of which takes longer, want most of a small
 * budget.  Then another realmlp, and what did best with another seed, bring an
 * ensemble more than other structures do (bench/README.md).  Of many it comes
 * last: on letter it took half of the budget for nothing.
 */
static const size_t of_few[N_CHOICES] = {0, 2, 1, 3, 7, 4, 5, 8, 6, 9};
#define FIRST_OF_FEW 6
static const size_t of_many[N_CHOICES] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 2};

const cer_auto_order *
cer_auto_get_order(size_t n_rows)
{
	static const cer_auto_order few = {of_few, FIRST_OF_FEW, 0.8};
	static const cer_auto_order many = {of_many, N_CHOICES, 0.6};

	return n_rows < FEW_ROWS ? &few : &many;
}

/* 64 for few rows, fewer for many, 12 at least. */
static uint32_t
choose_epochs(size_t n_rows)
{
	double epochs = 64.0;

	if (n_rows > 20000)
		epochs = 64.0 * 20000.0 / (double) n_rows;
	return epochs < 12.0 ? 12 : (uint32_t) epochs;
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

size_t
cer_auto_count(void)
{
	return N_CHOICES;
}

size_t
cer_auto_get_default(void)
{
	return DEFAULT_CHOICE;
}

void
cer_auto_get(const cer_mst *mst, size_t choice, size_t n_rows,
             cer_auto_choice *described)
{
	const portfolio_row *row = &portfolio[choice];

	*described = (cer_auto_choice){.cost = row->cost,
	                               .least_epochs = row->least_epochs,
	                               .probe_epochs = row->probe_epochs,
	                               .may_repeat = row->cost >= 1.0};
	if (row->is_of_few && n_rows < FEW_ROWS)
		described->probe_epochs = 1;
	described->epochs = (uint32_t) (row->epochs * choose_epochs(n_rows));
	if (described->epochs < LEAST_EPOCHS)
		described->epochs = LEAST_EPOCHS;
	described->is_said = is_said(mst, "epochs");
	if (described->is_said)
		described->epochs = described->least_epochs =
			(uint32_t) mst->settings.epochs;
	if (is_said(mst, "seed"))
		described->may_repeat = false;
}

static cer_status
print_section(cer_arena *arena, const cer_mst *mst, cer_ast_kind kind,
              cer_text *text, cer_error *err)
{
	const cer_ast *section = cer_ast_find_section(mst->ast, kind);

	*text = (cer_text){"", 0};
	return section ? cer_ast_print(arena, section, text, err) : CER_OK;
}

#define MAX_CHOICE_TEXT 400

/* For printf: all of a text, where CER_SHOW is for messages and clips. */
#define WHOLE(text) (int) (text).size, (text).data

typedef struct triple_text
{
	const cer_mst *request;
	char *data;
	size_t capacity;
	size_t size;
	bool has_pt;
} triple_text;

static void add(triple_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void
add(triple_text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text->size += (size_t) vsnprintf(text->data + text->size,
	                                 text->capacity - text->size, format, args);
	va_end(args);
}

static void
add_setting(triple_text *text, const char *name, const char *value)
{
	if (is_said(text->request, name))
		return;
	add(text, "%s %s = %s", text->has_pt ? "," : " PT", name, value);
	text->has_pt = true;
}

static void
add_count(triple_text *text, const char *name, size_t n)
{
	char value[32];

	snprintf(value, sizeof(value), "%zu", n);
	add_setting(text, name, value);
}

static void
add_settings(triple_text *text, const cer_auto_try *wanted)
{
	const portfolio_row *row = &portfolio[wanted->choice];

	for (size_t i = 0; i < MAX_SETTINGS && row->settings[i][0] != NULL; i++)
		add_setting(text, row->settings[i][0], row->settings[i][1]);
	add_count(text, "epochs", wanted->epochs);
	if (wanted->choice > DEFAULT_CHOICE || wanted->repeat > 0)
		add_count(text, "seed", wanted->choice + wanted->repeat * N_CHOICES);
}

cer_status
cer_auto_make(cer_arena *arena, const cer_mst *mst, const cer_auto_try *wanted,
              const cer_mst **made, cer_error *err)
{
	triple_text text = {.request = mst};
	cer_text fe;
	cer_text pt;

	CER_TRY(print_section(arena, mst, CER_AST_FE, &fe, err));
	CER_TRY(print_section(arena, mst, CER_AST_PT, &pt, err));
	text.capacity = fe.size + pt.size + MAX_CHOICE_TEXT;
	text.data = cer_arena_allocate(arena, text.capacity);
	if (text.data == NULL)
		return cer_fail_memory(err, text.capacity);
	text.has_pt = pt.size > 0;
	add(&text, "%.*s AS %s %.*s", WHOLE(fe),
	    portfolio[wanted->choice].structure, WHOLE(pt));
	add_settings(&text, wanted);
	return cer_mst_parse(arena, (cer_text){text.data, text.size}, made, err);
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

cer_status
cer_auto_add(cer_arena *arena, const cer_mst *mst, cer_text items,
             const cer_mst **made, cer_error *err)
{
	cer_text fe;
	cer_text as;
	cer_text pt;
	size_t size;
	char *text;
	int n;

	CER_TRY(print_section(arena, mst, CER_AST_FE, &fe, err));
	CER_TRY(print_section(arena, mst, CER_AST_AS, &as, err));
	CER_TRY(print_section(arena, mst, CER_AST_PT, &pt, err));
	if (fe.size == 0)
		fe = cer_text_of("FE *");
	size = fe.size + items.size + as.size + pt.size + 3;
	text = cer_arena_allocate(arena, size);
	if (text == NULL)
		return cer_fail_memory(err, size);
	n = snprintf(text, size, "%.*s%.*s %.*s %.*s", WHOLE(fe), WHOLE(items),
	             WHOLE(as), WHOLE(pt));
	return cer_mst_parse(arena, (cer_text){text, (size_t) n}, made, err);
}
