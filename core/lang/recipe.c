/*
 * lang/recipe.c
 *	  What PT leaves to the structure: how each is trained well.
 *
 * The values are those of the structures' sources where they measured best
 * here, too, and otherwise what did: see bench/README.md.  They hold where AS
 * is one call of the structure; the first row is for all others.
 */
#include "lang/schema.h"

#include "base/text.h"

typedef struct recipe
{
	const char *structure;
	double lr;
	double beta2;
	double decay;
	double epochs;
	double patience;
	double dropout;
	cer_schedule schedule;
	double smoothing;
	double clip;
} recipe;

#define USUAL                                                                \
	.lr = 0.001, .beta2 = 0.999, .decay = 1e-5, .epochs = 20, .patience = 5, \
	.dropout = 0.1, .schedule = CER_SCHEDULE_CONSTANT

/* A few epochs more. */
#define SLOWLY                                                               \
	.lr = 0.001, .beta2 = 0.999, .decay = 1e-5, .epochs = 60, .patience = 8, \
	.dropout = 0.1

#define TABM                                                                  \
	.lr = 0.002, .beta2 = 0.999, .decay = 3e-4, .epochs = 100, .patience = 8, \
	.dropout = 0.1, .clip = 1

static const recipe recipes[] = {
	{.structure = "", USUAL},
	{.structure = "realmlp",
     .lr = 0.04,
     .beta2 = 0.95,
     .decay = 0.02,
     .epochs = 64,
     .patience = 0,
     .dropout = 0.15,
     .schedule = CER_SCHEDULE_COSLOG},
	{.structure = "tabm", TABM},
	{.structure = "tabm_mini", TABM},
	{.structure = "residual", SLOWLY},
	{.structure = "dcn", SLOWLY},
	{.structure = "ft_transformer",
     .lr = 1e-4,
     .beta2 = 0.999,
     .decay = 1e-5,
     .epochs = 60,
     .patience = 8,
     .dropout = 0.1},
};

#define N_RECIPES (sizeof(recipes) / sizeof(recipes[0]))

static const recipe *
find_recipe(cer_text structure)
{
	for (size_t i = 1; i < N_RECIPES; i++)
		if (cer_text_is(structure, recipes[i].structure))
			return &recipes[i];
	return &recipes[0];
}

bool
cer_arg_is_auto(const cer_arg *arg)
{
	return arg->word != NULL && arg->fallback == CER_AUTO;
}

double
cer_recipe_get(cer_text structure, const char *setting)
{
	const recipe *r = find_recipe(structure);
	const struct
	{
		const char *name;
		double value;
	} values[] = {
		{"lr", r->lr},
		{"beta2", r->beta2},
		{"decay", r->decay},
		{"epochs", r->epochs},
		{"patience", r->patience},
		{"dropout", r->dropout},
		{"schedule", (double) r->schedule},
		{"label_smoothing", r->smoothing},
		{"clip", r->clip},
	};
	cer_text name = cer_text_of(setting);

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (cer_text_is(name, values[i].name))
			return values[i].value;
	return 0; /* batch: by the number of rows, which is not known here */
}
