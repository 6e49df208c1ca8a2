/*
 * store/id.c
 *	  Ids of artefacts, and those that a training will make.
 *
 * What is hashed: operator, parameters and inputs, each with its size, so that
 * no two artefacts share their bytes.  Parameters are printed as text, numbers
 * in their shortest spelling that reads back the same.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "data/plan.h"
#include "lang/ast.h"
#include "lang/number.h"
#include "nn/kernels.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *
cer_get_kernel_class(void)
{
	return cer_kernels_choose()->name;
}

/* ------------------------------------------------------------- artefacts */

static void
write_artefact(cer_byte_writer *to, const cer_artefact *artefact)
{
	cer_write_text(to, artefact->operation);
	cer_write_text(to, artefact->parameters);
	cer_write_number(to, artefact->n_inputs, sizeof(uint32_t));
	for (size_t i = 0; i < artefact->n_inputs; i++)
		cer_write_text(to, (cer_text){(const char *) artefact->inputs[i].bytes,
		                              CER_ID_SIZE});
}

cer_status
cer_artefact_make(cer_arena *arena, const cer_hasher *hasher,
                  cer_artefact *artefact, cer_error *err)
{
	cer_byte_writer to = {0};

	write_artefact(&to, artefact);
	to.data = cer_arena_allocate(arena, to.size);
	if (to.data == NULL)
		return cer_fail_memory(err, to.size);
	to.size = 0;
	write_artefact(&to, artefact);
	if (!hasher->hash(hasher->self, to.data, to.size, artefact->id.bytes))
		return cer_fail(err, CER_INTERNAL, "could not compute a SHA-256 hash");
	return CER_OK;
}

/* ------------------------------------------------------------ parameters */

/* Text in the making: room for what artefacts of a training say. */
typedef struct words
{
	char *data;
	size_t size;
	size_t capacity;
} words;

#define FEW_WORDS ((size_t) 512)

static cer_status
words_init(words *w, cer_arena *arena, size_t capacity, cer_error *err)
{
	*w = (words){.data = cer_arena_allocate(arena, capacity),
	             .capacity = capacity};
	return w->data == NULL ? cer_fail_memory(err, capacity) : CER_OK;
}

/* Cut at the capacity, which callers choose so that it never is. */
static void __attribute__((format(printf, 2, 3)))
say(words *w, const char *format, ...)
{
	size_t left = w->capacity - w->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(w->data + w->size, left, format, args);
	va_end(args);
	if (n > 0)
		w->size += (size_t) n < left ? (size_t) n : left - 1;
}

static void
say_text(words *w, cer_text text)
{
	size_t left = w->capacity - w->size - 1;
	size_t size = text.size < left ? text.size : left;

	memcpy(w->data + w->size, text.data, size);
	w->size += size;
	w->data[w->size] = '\0';
}

static void
say_number(words *w, const char *name, double number)
{
	char text[CER_NUMBER_BYTES];

	cer_number_print(number, text);
	say(w, "%s%s = %s", w->size > 0 ? ", " : "", name, text);
}

static cer_text
get_words(const words *w)
{
	return (cer_text){w->data, w->size};
}

/* ------------------------------------------------------- before training */

static cer_status
make_from_content(cer_arena *arena, const cer_hasher *hasher,
                  const cer_content_hash *hash, cer_artefact *artefact,
                  cer_error *err)
{
	words w;

	CER_TRY(words_init(&w, arena, FEW_WORDS, err));
	say(&w, "%llu rows, %016llx%016llx", (unsigned long long) hash->n_rows,
	    (unsigned long long) hash->high, (unsigned long long) hash->low);
	artefact->parameters = get_words(&w);
	return cer_artefact_make(arena, hasher, artefact, err);
}

static cer_status
make_column(cer_arena *arena, const cer_hasher *hasher,
            const cer_story_source *source, size_t input, cer_artefact *column,
            cer_error *err)
{
	static const char *const storages[] = {[CER_FLOAT32] = "float32 column",
	                                       [CER_FLOAT64] = "float64 column",
	                                       [CER_CODE32] = "category column"};

	column->operation = cer_text_of(storages[source->inputs[input].storage]);
	return make_from_content(arena, hasher, &source->columns[input], column,
	                         err);
}

static void
say_encoder(words *w, const cer_encoder_spec *spec)
{
	say(w, "%s%s", w->size > 0 ? " + " : "", cer_encoder_name(spec->kind));
	if (spec->width > 0)
		say(w, "(%zu)", spec->width);
	if (spec->depth > 0)
		say(w, " depth %zu", spec->depth);
	if (spec->gram > 0)
		say(w, " gram %zu", spec->gram);
	if (spec->most > 0)
		say(w, " most %zu", spec->most);
	if (spec->scale > 0.0)
		say_number(w, "scale", spec->scale);
}

/* Whether the rows' labels have a say in its encoders. */
static bool
depends_on_labels(const cer_plan_input *input)
{
	for (size_t i = 0; i < input->n_encoders; i++)
		if (input->encoders[i].kind == CER_ENCODER_RATE)
			return true;
	return input->n_encoders == 0 && input->type == CER_TYPE_NUMBER;
}

static cer_status
make_encoder(cer_arena *arena, const cer_hasher *hasher,
             const cer_plan_input *input, const cer_id *column,
             const cer_id *rows, cer_artefact *encoder, cer_error *err)
{
	cer_id *inputs = cer_arena_allocate(arena, 2 * sizeof(*inputs));
	words w;

	if (inputs == NULL)
		return cer_fail_memory(err, 2 * sizeof(*inputs));
	CER_TRY(
		words_init(&w, arena, FEW_WORDS + input->n_encoders * FEW_WORDS, err));
	for (size_t i = 0; i < input->n_encoders; i++)
		say_encoder(&w, &input->encoders[i]);
	if (input->n_encoders == 0)
		say(&w, "by data %d", CER_ENCODERS_CHOICE);
	if (input->unit != CER_UNIT_NONE)
		say(&w, ", unit %d", (int) input->unit);
	say(&w, ", language %d", CER_LANGUAGE_VERSION);
	inputs[0] = *column;
	inputs[1] = *rows;
	encoder->operation = cer_text_of("encoder");
	encoder->parameters = get_words(&w);
	encoder->n_inputs = depends_on_labels(input) ? 2 : 1;
	encoder->inputs = inputs;
	return cer_artefact_make(arena, hasher, encoder, err);
}

/* The structure as written, and what PT makes of it; inputs by name, as
 * weights are named after them.  A name of a structure means what the version
 * of the language makes of it. */
static cer_status
say_structure(words *w, cer_arena *arena, const cer_story_source *source,
              cer_error *err)
{
	const cer_settings *settings = &source->mst->settings;
	const cer_ast *part = source->mst->ast->first;
	cer_text text = {"AS by default", 13};

	while (part != NULL && part->kind != CER_AST_AS)
		part = part->next;
	if (part != NULL)
		CER_TRY(cer_ast_print(arena, part, &text, err));
	CER_TRY(words_init(w, arena,
	                   FEW_WORDS + text.size + source->kernel_class.size, err));
	say_text(w, text);
	say_number(w, "dropout", settings->dropout);
	say(w, ", activation = %s", cer_activation_name(settings->activation));
	say(w, ", classes = %zu, seed = %llu", source->n_classes,
	    (unsigned long long) settings->seed);
	say(w, ", language = %d, arithmetic = %d, kernels = ", CER_LANGUAGE_VERSION,
	    CER_ARITHMETIC);
	say_text(w, source->kernel_class);
	return CER_OK;
}

static cer_status
append_names(words *w, cer_arena *arena, const cer_story_source *source,
             cer_error *err)
{
	const cer_plan *plan = source->plan;
	words longer;
	size_t size = w->size + FEW_WORDS;

	for (size_t i = 0; i < plan->n_inputs; i++)
		size += plan->inputs[i].name.size + 32;
	CER_TRY(words_init(&longer, arena, size, err));
	say_text(&longer, get_words(w));
	say(&longer, ", inputs =");
	for (size_t i = 0; i < plan->n_inputs; i++)
	{
		say(&longer, " %zu:", plan->inputs[i].name.size);
		say_text(&longer, plan->inputs[i].name);
	}
	*w = longer;
	return CER_OK;
}

static cer_status
make_initial(cer_arena *arena, const cer_hasher *hasher,
             const cer_story_source *source, const cer_story *story,
             cer_artefact *initial, cer_error *err)
{
	size_t size = story->n_inputs * sizeof(cer_id);
	cer_id *inputs = cer_arena_allocate(arena, size);
	words w;

	if (inputs == NULL)
		return cer_fail_memory(err, size);
	for (size_t i = 0; i < story->n_inputs; i++)
		inputs[i] = story->encoders[i].id;
	CER_TRY(say_structure(&w, arena, source, err));
	CER_TRY(append_names(&w, arena, source, err));
	initial->operation = cer_text_of("initial");
	initial->parameters = get_words(&w);
	initial->n_inputs = story->n_inputs;
	initial->inputs = inputs;
	return cer_artefact_make(arena, hasher, initial, err);
}

/* -------------------------------------------------------------- training */

static void
say_adam(words *w, const char *name, const cer_settings *settings)
{
	say(w, "%s", name);
	say_number(w, "beta1", settings->beta1);
	say_number(w, "beta2", settings->beta2);
	say_number(w, "eps", settings->epsilon);
}

/* What is as the language has it is not said.  A rate that changes depends on
 * how many epochs there are to be, the best epoch so far on the metric. */
static void
say_loss(words *w, const cer_settings *settings)
{
	if (settings->smoothing > 0.0)
		say_number(w, "label_smoothing", settings->smoothing);
	if (settings->focal > 0.0)
		say_number(w, "focal", settings->focal);
	if (settings->mixup > 0.0)
		say_number(w, "mixup", settings->mixup);
	if (settings->weighting == CER_CLASSES_BALANCED)
		say(w, ", balanced classes");
	for (size_t i = 0; i < settings->n_class_weights; i++)
		say_number(w, "class weight", settings->class_weights[i]);
}

static void
say_recipe(words *w, const cer_settings *settings)
{
	if (settings->schedule == CER_SCHEDULE_PLATEAU && settings->warmup == 0.0)
		say(w, ", plateau");
	else if (settings->schedule != CER_SCHEDULE_CONSTANT ||
	         settings->warmup > 0.0)
	{
		say_number(w, "schedule", (double) settings->schedule);
		say_number(w, "warmup", settings->warmup);
		say_number(w, "of epochs", (double) settings->epochs);
	}
	if (settings->fade > 0.0)
	{
		say_number(w, "fade", settings->fade);
		say_number(w, "of epochs", (double) settings->epochs);
	}
	say_loss(w, settings);
	if (settings->clip > 0.0)
		say_number(w, "clip", settings->clip);
	if (settings->embed_decay > 0.0)
		say_number(w, "embed_decay", settings->embed_decay);
	if (settings->average > 0.0)
		say_number(w, "average", settings->average);
	if (settings->shuffle > 0)
		say_number(w, "shuffle", (double) settings->shuffle);
	if (settings->products != CER_PRODUCTS_FP32)
		say_number(w, "products", (double) settings->products);
	if (settings->metric != CER_METRIC_LOG_LOSS)
		say_number(w, "metric", (double) settings->metric);
}

/*
 * The values of PT in force in an epoch, from 1 on: neither epochs nor patience, and of an
 * optimizer only what it reads.  Structure, dropout and seed are in what the
 * first epoch starts from.
 */
static cer_status
make_settings(cer_arena *arena, const cer_settings *settings, size_t epoch,
              cer_text *text, cer_error *err)
{
	words made;
	words *w = &made;

	CER_TRY(
		words_init(w, arena, FEW_WORDS + 64 * settings->n_class_weights, err));
	switch (settings->optimizer)
	{
		case CER_SGD:
			say(w, "sgd");
			say_number(w, "momentum", settings->momentum);
			break;
		case CER_ADAM:
			say_adam(w, "adam", settings);
			break;
		case CER_ADAMW:
			say_adam(w, "adamw", settings);
			break;
		case CER_NADAM:
			say_adam(w, "nadam", settings);
			say_number(w, "momentum_decay", settings->momentum_decay);
			break;
		case CER_MUON:
			say_adam(w, "muon", settings);
			say_number(w, "momentum", settings->momentum);
			break;
	}
	say_number(w, "lr", cer_settings_get_rate(settings, epoch));
	say_number(w, "decay", settings->decay);
	if (settings->batch > 0)
		say(w, ", batch = %zu", settings->batch);
	else
		say(w, ", batch by rows");
	say_recipe(w, settings);
	*text = get_words(w);
	return CER_OK;
}

cer_status
cer_story_make_epoch(cer_arena *arena, const cer_hasher *hasher,
                     const cer_story *story, size_t number,
                     const cer_id *before, cer_artefact *epoch, cer_error *err)
{
	cer_id *inputs = cer_arena_allocate(arena, 2 * sizeof(*inputs));
	cer_text settings;

	if (inputs == NULL)
		return cer_fail_memory(err, 2 * sizeof(*inputs));
	CER_TRY(make_settings(arena, story->settings, number, &settings, err));
	inputs[0] = *before;
	inputs[1] = story->rows.id;
	*epoch = (cer_artefact){.operation = cer_text_of("epoch"),
	                        .parameters = settings,
	                        .n_inputs = 2,
	                        .inputs = inputs};
	return cer_artefact_make(arena, hasher, epoch, err);
}

static cer_status
make_training(cer_arena *arena, const cer_hasher *hasher,
              const cer_settings *settings, cer_story *story, cer_error *err)
{
	cer_id *inputs = cer_arena_allocate(arena, 2 * sizeof(*inputs));
	cer_text first;
	words w;

	if (inputs == NULL)
		return cer_fail_memory(err, 2 * sizeof(*inputs));
	inputs[0] = story->begin;
	inputs[1] = story->rows.id;
	CER_TRY(make_settings(arena, settings, 1, &first, err));
	CER_TRY(words_init(&w, arena,
	                   FEW_WORDS + first.size + 96 * settings->n_pieces, err));
	say_text(&w, first);
	for (size_t i = 1; i < settings->n_pieces; i++)
	{
		say(&w, ", after %zu", settings->pieces[i - 1].until);
		say_number(&w, "lr", settings->pieces[i].lr);
	}
	say(&w, ", epochs = %zu, patience = %zu", settings->epochs,
	    settings->patience);
	if (settings->stop > 0)
		say(&w, ", stop = %zu", settings->stop);
	story->training = (cer_artefact){.operation = cer_text_of("training"),
	                                 .parameters = get_words(&w),
	                                 .n_inputs = 2,
	                                 .inputs = inputs};
	return cer_artefact_make(arena, hasher, &story->training, err);
}

static cer_status
make_inputs(cer_arena *arena, const cer_hasher *hasher,
            const cer_story_source *source, cer_story *story, cer_error *err)
{
	size_t size = story->n_inputs * sizeof(cer_artefact);
	cer_artefact *columns = cer_arena_allocate(arena, size);
	cer_artefact *encoders = cer_arena_allocate(arena, size);

	if (columns == NULL || encoders == NULL)
		return cer_fail_memory(err, size);
	memset(columns, 0, size);
	memset(encoders, 0, size);
	for (size_t i = 0; i < story->n_inputs; i++)
	{
		CER_TRY(make_column(arena, hasher, source, i, &columns[i], err));
		CER_TRY(make_encoder(arena, hasher, &source->plan->inputs[i],
		                     &columns[i].id, &story->rows.id, &encoders[i],
		                     err));
	}
	story->columns = columns;
	story->encoders = encoders;
	return CER_OK;
}

cer_status
cer_story_make_start(cer_arena *arena, const cer_hasher *hasher,
                     const cer_story *story, const cer_story_start *from,
                     cer_artefact *start, cer_error *err)
{
	cer_id *inputs = cer_arena_allocate(arena, 3 * sizeof(*inputs));
	words w;

	if (inputs == NULL)
		return cer_fail_memory(err, 3 * sizeof(*inputs));
	inputs[0] = story->initial.id;
	inputs[1] = from->weights;
	inputs[2] = from->moments;
	CER_TRY(words_init(&w, arena, FEW_WORDS + from->change.size, err));
	say(&w, "transfer %d, ", CER_TRANSFER);
	say_text(&w, from->change);
	*start = (cer_artefact){.operation = cer_text_of("start"),
	                        .parameters = get_words(&w),
	                        .n_inputs = from->has_moments ? 3 : 2,
	                        .inputs = inputs};
	return cer_artefact_make(arena, hasher, start, err);
}

cer_status
cer_story_stop(cer_arena *arena, const cer_hasher *hasher, const cer_mst *mst,
               cer_story *story, cer_error *err)
{
	story->settings = &mst->settings;
	return make_training(arena, hasher, story->settings, story, err);
}

cer_status
cer_story_make(cer_arena *arena, const cer_hasher *hasher,
               const cer_story_source *source, cer_story *story, cer_error *err)
{
	const cer_settings *settings = &source->mst->settings;
	cer_story made = {.n_inputs = source->plan->n_inputs};

	made.rows.operation = cer_text_of("rows");
	CER_TRY(make_from_content(arena, hasher, &source->rows, &made.rows, err));
	CER_TRY(make_inputs(arena, hasher, source, &made, err));
	CER_TRY(make_initial(arena, hasher, source, &made, &made.initial, err));
	made.begin = made.initial.id;
	if (source->start != NULL)
	{
		made.start = *source->start;
		made.begin = made.start.id;
	}
	made.settings = settings;
	CER_TRY(make_training(arena, hasher, settings, &made, err));
	*story = made;
	return CER_OK;
}
