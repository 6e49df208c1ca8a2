/*
 * test_id.c
 *	  Ids say what an artefact is: equal where nothing that matters differs,
 *	  another where anything does.
 */
#include "cerebro.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define TEXT(s) ((cer_text){s, sizeof(s) - 1})

static const cer_column columns[] = {
	{TEXT("delay"), CER_TYPE_NUMBER, true, false, false},
	{TEXT("carrier"), CER_TYPE_CATEGORY, true, false, false}};
static const cer_input inputs[] = {{TEXT("delay"), CER_FLOAT64},
                                   {TEXT("carrier"), CER_CODE32}};
static const cer_content_hash rows = {1, 2, 1000};
static const cer_content_hash contents[] = {{3, 4, 1000}, {5, 6, 1000}};

/* No SHA-256, but as good to tell texts apart here (FNV-1a, four lanes). */
static bool
hash(void *self, const void *data, size_t size, uint8_t digest[CER_ID_SIZE])
{
	uint64_t lanes[4] = {1, 2, 3, 4};

	(void) self;
	for (size_t i = 0; i < size; i++)
		for (size_t k = 0; k < 4; k++)
			lanes[k] = (lanes[k] ^ ((const uint8_t *) data)[i] ^ (k << 9)) *
			           UINT64_C(0x100000001B3);
	memcpy(digest, lanes, CER_ID_SIZE);
	return true;
}

static const cer_hasher hasher = {NULL, hash};

typedef struct telling
{
	cer_arena *arena;
	cer_story_source source;
	cer_story story;
} telling;

static telling
tell_of(const char *mst, const cer_content_hash *of_rows,
        const cer_content_hash *of_columns, const char *kernels)
{
	telling t = {.arena = cer_arena_new(&cer_host_plain)};
	cer_error err = {0};

	t.source = (cer_story_source){.inputs = inputs,
	                              .n_classes = 2,
	                              .rows = *of_rows,
	                              .columns = of_columns,
	                              .kernel_class = {kernels, strlen(kernels)}};
	if (cer_mst_parse(t.arena, (cer_text){mst, strlen(mst)}, &t.source.mst,
	                  &err) != CER_OK ||
	    cer_plan_make(t.arena, t.source.mst, columns, 2, &t.source.plan,
	                  &err) != CER_OK ||
	    cer_story_make(t.arena, &hasher, &t.source, &t.story, &err) != CER_OK)
		fail_msg("%s", err.message);
	return t;
}

static telling
tell(const char *mst)
{
	return tell_of(mst, &rows, contents, "avx2");
}

static cer_id
get_epoch(telling *t, size_t n)
{
	cer_id id = t->story.initial.id;
	cer_artefact epoch;

	for (size_t i = 0; i < n; i++)
	{
		assert_int_equal(cer_story_make_epoch(t->arena, &hasher, &t->story,
		                                      i + 1, &id, &epoch, NULL),
		                 CER_OK);
		id = epoch.id;
	}
	return id;
}

static bool
is_same(cer_id a, cer_id b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* Bits: the initial state, that after epoch 5, the whole training. */
static unsigned
compare_tellings(telling *a, telling *b)
{
	unsigned differ = !is_same(a->story.initial.id, b->story.initial.id);

	differ |= (unsigned) !is_same(get_epoch(a, 5), get_epoch(b, 5)) << 1;
	differ |= (unsigned) !is_same(a->story.training.id, b->story.training.id)
	          << 2;
	cer_arena_free(a->arena);
	cer_arena_free(b->arena);
	return differ;
}

static unsigned
compare(const char *mst)
{
	telling a = tell("FE * AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5");
	telling b = tell(mst);

	return compare_tellings(&a, &b);
}

static void
test_story__is_that_of_what_is_in_force(void **state)
{
	(void) state;
	assert_int_equal(
		compare("FE * AS mlp(16, 8) PT epochs = 5, adam(lr = 0.01)"), 0);
	assert_int_equal(
		compare(
			"FE delay, carrier AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5"),
		0);
	/* when it ends is not what a state is */
	assert_int_equal(
		compare("FE * AS mlp(16, 8) PT adam(lr = 0.01), epochs = 20"), 4);
	assert_int_equal(
		compare("AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5, patience = 9"),
		4);
	assert_int_equal(
		compare("AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5, stop = 4"), 4);
	/* how it learns is not where it starts */
	assert_int_equal(compare("AS mlp(16, 8) PT adam(lr = 0.02), epochs = 5"),
	                 6);
	assert_int_equal(
		compare("AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5, batch = 64"), 6);
	assert_int_equal(compare("AS mlp(16, 8) PT adamw(lr = 0.01), epochs = 5"),
	                 6);
	/* where it starts */
	assert_int_equal(compare("AS mlp(16, 9) PT adam(lr = 0.01), epochs = 5"),
	                 7);
	assert_int_equal(
		compare("AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5, seed = 77"), 7);
	assert_int_equal(
		compare("AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5, dropout = 0.3"),
		7);
	assert_int_equal(
		compare("FE delay AS mlp(16, 8) PT adam(lr = 0.01), epochs = 5"), 7);
	assert_int_equal(compare("FE *, carrier : onehot AS mlp(16, 8) "
	                         "PT adam(lr = 0.01), epochs = 5"),
	                 7);
}

#define PIECES(text) "AS mlp(16, 8) PT adam(lr = pieces(" text ")), epochs = 5"

/* Only the values in force in an epoch are part of what it makes. */
static void
test_story__shares_epochs_before_the_rate_changes(void **state)
{
	(void) state;
	assert_int_equal(compare(PIECES("0.01, 5, 0.003")), 4);
	assert_int_equal(compare(PIECES("0.01, 6, 0.003")), 4);
	assert_int_equal(compare(PIECES("0.01, 4, 0.003")), 6);
	assert_int_equal(compare(PIECES("0.01")), 0);
}

/* Told of a story that was made before, it is that of the triple. */
static void
test_story_stop__is_the_triple_that_ends_there(void **state)
{
	telling a = tell("AS mlp(4) PT schedule = cosine, epochs = 9, stop = 5");
	telling b = tell("AS mlp(4) PT schedule = cosine, epochs = 9");
	const cer_mst *stopped;

	(void) state;
	assert_int_equal(cer_mst_stop(b.arena, b.source.mst, 5, &stopped, NULL),
	                 CER_OK);
	assert_int_equal(cer_mst_get_epochs(stopped), 5);
	assert_int_equal(cer_story_stop(b.arena, &hasher, stopped, &b.story, NULL),
	                 CER_OK);
	assert_int_equal(compare_tellings(&a, &b), 0);
}

/* What the rows or a loss say about a state. */
static void
test_story__tells_losses_apart(void **state)
{
	static const char *const others[] = {"focal = 2",
	                                     "class_weights = balanced",
	                                     "average = 0.9",
	                                     "class_weights = weights(1, 2)",
	                                     "batch = 32",
	                                     "class_weights = weights(1, 3)",
	                                     "schedule = plateau",
	                                     "shuffle = 1000",
	                                     "products = bf16",
	                                     "mixup = 0.2",
	                                     "mixup = 0.4",
	                                     "fade = 0.5",
	                                     "fade = 1"};
	const size_t n = sizeof(others) / sizeof(others[0]);

	(void) state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
		{
			char text[2][120];
			telling a;
			telling b;

			snprintf(text[0], 120, "AS mlp(4) PT %s", others[i]);
			snprintf(text[1], 120, "AS mlp(4) PT %s", others[j]);
			a = tell(text[0]);
			b = tell(text[1]);
			assert_int_equal(compare_tellings(&a, &b), 6);
		}
}

static void
test_story__is_that_of_its_rows(void **state)
{
	static const cer_content_hash others[] = {{3, 4, 1000}, {5, 7, 1000}};
	static const cer_content_hash more = {1, 2, 1001};
	telling a = tell("FE *");
	telling b = tell_of("FE *", &rows, others, "avx2");

	(void) state;
	assert_true(is_same(a.story.columns[0].id, b.story.columns[0].id));
	assert_true(is_same(a.story.encoders[0].id, b.story.encoders[0].id));
	assert_false(is_same(a.story.encoders[1].id, b.story.encoders[1].id));
	assert_int_equal(compare_tellings(&a, &b), 7);
	a = tell("FE *");
	b = tell_of("FE *", &more, contents, "avx2"); /* labels, perhaps */
	assert_int_equal(compare_tellings(&a, &b), 7);
	a = tell("FE *, delay : robust");
	b = tell_of("FE *, delay : robust", &more, contents, "avx2");
	assert_int_equal(compare_tellings(&a, &b), 6);
	a = tell("FE *");
	b = tell_of("FE *", &rows, contents, "avx512");
	assert_int_equal(compare_tellings(&a, &b), 7);
}

static void
test_story__has_another_state_after_each_epoch(void **state)
{
	telling t = tell("FE *");

	(void) state;
	assert_true(is_same(get_epoch(&t, 3), get_epoch(&t, 3)));
	for (size_t i = 0; i < 5; i++)
		assert_false(is_same(get_epoch(&t, i), get_epoch(&t, i + 1)));
	cer_arena_free(t.arena);
}

/* No boundary between operation, parameters and inputs moves unseen. */
static void
test_artefact__hashes_each_field(void **state)
{
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_artefact a = {.operation = TEXT("ab"), .parameters = TEXT("c")};
	cer_artefact b = {.operation = TEXT("a"), .parameters = TEXT("bc")};
	cer_artefact c = {.operation = TEXT("ab"), .parameters = TEXT("c")};

	(void) state;
	c.n_inputs = 1;
	c.inputs = &a.id;
	assert_int_equal(cer_artefact_make(arena, &hasher, &a, NULL), CER_OK);
	assert_int_equal(cer_artefact_make(arena, &hasher, &b, NULL), CER_OK);
	assert_int_equal(cer_artefact_make(arena, &hasher, &c, NULL), CER_OK);
	assert_false(is_same(a.id, b.id));
	assert_false(is_same(a.id, c.id));
	cer_arena_free(arena);
}

static bool
fail_to_hash(void *self, const void *data, size_t size, uint8_t *digest)
{
	(void) self;
	(void) data;
	(void) size;
	(void) digest;
	return false;
}

static void
test_artefact__tells_that_hashing_failed(void **state)
{
	static const cer_hasher broken = {NULL, fail_to_hash};
	cer_arena *arena = cer_arena_new(&cer_host_plain);
	cer_artefact a = {.operation = TEXT("rows")};
	cer_error err;

	(void) state;
	assert_int_equal(cer_artefact_make(arena, &broken, &a, &err), CER_INTERNAL);
	cer_arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_story__is_that_of_what_is_in_force),
		cmocka_unit_test(test_story__shares_epochs_before_the_rate_changes),
		cmocka_unit_test(test_story_stop__is_the_triple_that_ends_there),
		cmocka_unit_test(test_story__tells_losses_apart),
		cmocka_unit_test(test_story__is_that_of_its_rows),
		cmocka_unit_test(test_story__has_another_state_after_each_epoch),
		cmocka_unit_test(test_artefact__hashes_each_field),
		cmocka_unit_test(test_artefact__tells_that_hashing_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
