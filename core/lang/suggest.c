/*
 * lang/suggest.c
 *	  The known word nearest to an unknown one.
 *
 * Distance: insertions, deletions, replacements and swaps of neighbours
 * (optimal string alignment), in bytes, without regard to ASCII case.
 */
#include "lang/suggest.h"

#include "base/text.h"

#include <string.h>

#define MAX_SIZE 64

/* One slip for short words, two and three for longer ones. */
static size_t
get_limit(size_t size)
{
	return size <= 3 ? 1 : size <= 8 ? 2 : 3;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
is_same(char a, char b)
{
	if (a >= 'A' && a <= 'Z')
		a = (char) (a + ('a' - 'A'));
	if (b >= 'A' && b <= 'Z')
		b = (char) (b + ('a' - 'A'));
	return a == b;
}

/* Three rows of the table are alive: two back (for swaps), last, this. */
static size_t
measure(cer_text a, cer_text b)
{
	size_t rows[3][MAX_SIZE + 1];

	for (size_t j = 0; j <= b.size; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.size; i++)
	{
		size_t *this = rows[i % 3];
		const size_t *last = rows[(i + 2) % 3];
		const size_t *before = rows[(i + 1) % 3];

		this[0] = i;
		for (size_t j = 1; j <= b.size; j++)
		{
			bool is_equal = is_same(a.data[i - 1], b.data[j - 1]);

			this[j] =
				least(last[j - 1] + !is_equal, least(last[j], this[j - 1]) + 1);
			if (i > 1 && j > 1 && is_same(a.data[i - 1], b.data[j - 2]) &&
			    is_same(a.data[i - 2], b.data[j - 1]))
				this[j] = least(this[j], before[j - 2] + 1);
		}
	}
	return rows[a.size % 3][b.size];
}

void
cer_suggestion_init(cer_suggestion *suggestion, cer_text word)
{
	suggestion->word = word;
	suggestion->best = (cer_text){NULL, 0};
	suggestion->distance = get_limit(word.size) + 1;
}

void
cer_suggestion_offer(cer_suggestion *suggestion, cer_text candidate)
{
	size_t distance;

	if (suggestion->word.size > MAX_SIZE || candidate.size > MAX_SIZE)
		return;
	distance = measure(suggestion->word, candidate);
	/* a word of which nothing is left is no slip */
	if (distance < suggestion->distance && distance < candidate.size &&
	    distance < suggestion->word.size)
	{
		suggestion->best = candidate;
		suggestion->distance = distance;
	}
}

void
cer_suggestion_offer_argument(cer_suggestion *suggestion, cer_text candidate)
{
	static const struct
	{
		const char *theirs;
		const char *ours;
	} names[] = {
		{"learning_rate", "lr"},
		{"learningrate", "lr"},
		{"rate", "lr"},
		{"eta", "lr"},
		{"batch_size", "batch"},
		{"batchsize", "batch"},
		{"n_epochs", "epochs"},
		{"num_epochs", "epochs"},
		{"max_epochs", "epochs"},
		{"iterations", "epochs"},
		{"early_stopping", "patience"},
		{"weight_decay", "decay"},
		{"l2", "decay"},
		{"random_state", "seed"},
		{"random_seed", "seed"},
		{"lr_schedule", "schedule"},
		{"lr_scheduler", "schedule"},
		{"scheduler", "schedule"},
		{"act", "activation"},
		{"nonlinearity", "activation"},
		{"dropout_rate", "dropout"},
		{"p_dropout", "dropout"},
		{"grad_clip", "clip"},
		{"gradient_clipping", "clip"},
		{"clip_norm", "clip"},
		{"smoothing", "label_smoothing"},
		{"ema", "average"},
		{"mixup_alpha", "mixup"},
		{"warmup_steps", "warmup"},
		{"class_weight", "class_weights"},
		{"precision", "products"},
		{"dtype", "products"},
		{"depth", "blocks"},
		{"n_blocks", "blocks"},
		{"n_layers", "layers"},
		{"hidden_size", "width"},
		{"d_model", "width"},
		{"n_heads", "heads"},
		{"num_heads", "heads"},
		{"embedding_dim", "width"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cer_text_is(candidate, names[i].ours) &&
		    cer_text_is(suggestion->word, names[i].theirs))
		{
			suggestion->best = candidate;
			suggestion->distance = 0;
		}
	cer_suggestion_offer(suggestion, candidate);
}

bool
cer_suggest_is_slip(cer_text word, cer_text known)
{
	if (word.size > known.size + 1 || known.size > word.size + 1 ||
	    known.size > MAX_SIZE || word.size > MAX_SIZE || known.size < 3)
		return false;
	return measure(word, known) == 1;
}

void
cer_suggestion_hint(const cer_suggestion *suggestion, cer_error *err)
{
	if (suggestion->best.data != NULL)
		cer_error_set_hint(err, "Perhaps you meant \"%.*s\".",
		                   CER_SHOW(suggestion->best));
}
