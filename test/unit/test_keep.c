/*
 * test_keep.c
 *	  Plans of what to keep equal the best of all plans on small graphs; planes
 *	  of bytes come back as the floats that they were.
 */
#include "cerebro.h"

#include "cmocka_all.h"
#include "failing_host.h"
#include "random.h"

#include <math.h>
#include <string.h>

#define MAX_NODES 7

/* Bytes of a plan, or UINT64_MAX where it is late or impossible. */
static uint64_t
cost_of(const cer_keep_node *nodes, size_t n, const cer_keep *choices)
{
	double times[MAX_NODES];
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++)
	{
		bool has_parent = nodes[i].parent != CER_KEEP_NO_PARENT;
		double before = has_parent ? times[nodes[i].parent] : 0;

		if (choices[i] == CER_KEEP_CHANGE &&
		    (!has_parent || choices[nodes[i].parent] == CER_KEEP_ID))
			return UINT64_MAX;
		times[i] = choices[i] == CER_KEEP_WHOLE ? nodes[i].whole_seconds
		           : choices[i] == CER_KEEP_CHANGE
		               ? before + nodes[i].change_seconds
		               : before + nodes[i].again_seconds;
		if (times[i] > nodes[i].limit_seconds && choices[i] != CER_KEEP_WHOLE)
			return UINT64_MAX;
		bytes += choices[i] == CER_KEEP_WHOLE    ? nodes[i].whole_bytes
		         : choices[i] == CER_KEEP_CHANGE ? nodes[i].change_bytes
		                                         : 0;
	}
	return bytes;
}

static uint64_t
find_best(const cer_keep_node *nodes, size_t n)
{
	uint64_t best = UINT64_MAX;
	size_t n_plans = (size_t) pow(3, (double) n);

	for (size_t plan = 0; plan < n_plans; plan++)
	{
		cer_keep choices[MAX_NODES];
		uint64_t bytes;

		for (size_t i = 0, rest = plan; i < n; i++, rest /= 3)
			choices[i] = (cer_keep) (rest % 3);
		bytes = cost_of(nodes, n, choices);
		if (bytes < best)
			best = bytes;
	}
	return best;
}

/* Times in quarters, so that sums are exact. */
static double
make_time(test_random *random, size_t n)
{
	return (double) random_below(random, n) / 4;
}

static void
make_nodes(test_random *random, cer_keep_node *nodes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		nodes[i] = (cer_keep_node){
			.parent = i == 0 || random_below(random, 6) == 0
		                  ? CER_KEEP_NO_PARENT
		                  : random_below(random, i),
			.whole_bytes = 1 + random_below(random, 100),
			.whole_seconds = make_time(random, 8),
			.change_bytes = random_below(random, 90),
			.change_seconds = make_time(random, 12),
			.again_seconds =
				random_below(random, 5) == 0 ? INFINITY : make_time(random, 40),
			.limit_seconds = make_time(random, 60),
		};
}

static void
test_keep_plan__is_the_best_on_small_graphs(void **state)
{
	test_random random;
	size_t n_kinds[3] = {0};

	(void) state;
	random_init(&random);
	for (size_t round = 0; round < 3000; round++)
	{
		size_t n = 1 + random_below(&random, MAX_NODES);
		cer_keep_node nodes[MAX_NODES];
		cer_keep choices[MAX_NODES];
		uint64_t bytes;

		make_nodes(&random, nodes, n);
		assert_int_equal(
			cer_keep_plan(&cer_host_plain, nodes, n, choices, &bytes, NULL),
			CER_OK);
		assert_int_equal(cost_of(nodes, n, choices), bytes);
		assert_int_equal(bytes, find_best(nodes, n));
		for (size_t i = 0; i < n; i++)
			n_kinds[choices[i]]++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_true(n_kinds[i] > 100); /* the test saw each of them chosen */
}

/* A long chain, times that are no round numbers: within limits, and quick. */
static void
test_keep_plan__stays_within_limits(void **state)
{
	enum
	{
		N = 3000
	};
	static cer_keep_node nodes[N];
	static cer_keep choices[N];
	test_random random;
	double before = 0;
	uint64_t bytes;
	uint64_t all = 0;

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < N; i++)
	{
		nodes[i] =
			(cer_keep_node){.parent = i == 0 ? CER_KEEP_NO_PARENT : i - 1,
		                    .whole_bytes = 1000,
		                    .whole_seconds = 0.01,
		                    .change_bytes = 600,
		                    .change_seconds = 0.01 * random_unit(&random),
		                    .again_seconds = random_unit(&random),
		                    .limit_seconds = 5};
		all += nodes[i].whole_bytes;
	}
	assert_int_equal(
		cer_keep_plan(&cer_host_plain, nodes, N, choices, &bytes, NULL),
		CER_OK);
	for (size_t i = 0; i < N; i++)
	{
		before = choices[i] == CER_KEEP_WHOLE ? nodes[i].whole_seconds
		         : choices[i] == CER_KEEP_CHANGE
		             ? before + nodes[i].change_seconds
		             : before + nodes[i].again_seconds;
		assert_true(before <= nodes[i].limit_seconds);
	}
	assert_true(bytes < all / 5);
}

static void
test_keep_plan__refuses_a_circle(void **state)
{
	cer_keep_node node = {.parent = 0};
	cer_keep choice;
	uint64_t bytes;

	(void) state;
	assert_int_equal(
		cer_keep_plan(&cer_host_plain, &node, 1, &choice, &bytes, NULL),
		CER_BAD_CALL);
}

static cer_status
try_plan(const cer_host *host, void *arg)
{
	cer_keep choices[MAX_NODES];
	uint64_t bytes;

	return cer_keep_plan(host, arg, MAX_NODES, choices, &bytes, NULL);
}

static void
test_keep_plan__survives_lack_of_memory(void **state)
{
	cer_keep_node nodes[MAX_NODES];
	test_random random;

	(void) state;
	random_init(&random);
	make_nodes(&random, nodes, MAX_NODES);
	assert_true(failing_host_run(try_plan, nodes) > 0);
}

static void
test_planes__come_back(void **state)
{
	test_random random;
	float values[100];
	float base[100];
	float back[100];
	uint8_t planes[400];

	(void) state;
	random_init(&random);
	for (size_t i = 0; i < 100; i++)
	{
		uint32_t bits = (uint32_t) random_bits(&random);

		memcpy(&values[i], &bits, 4); /* NaN and infinities, too */
		bits ^= (uint32_t) random_below(&random, 1000);
		memcpy(&base[i], &bits, 4);
	}
	for (size_t n = 0; n <= 100; n += 25)
	{
		cer_planes_split(n, values, NULL, planes);
		cer_planes_join(n, planes, NULL, back);
		assert_memory_equal(values, back, n * sizeof(float));
		cer_planes_split(n, values, base, planes);
		cer_planes_join(n, planes, base, back);
		assert_memory_equal(values, back, n * sizeof(float));
	}
	cer_planes_split(100, values, values, planes);
	for (size_t i = 0; i < 400; i++)
		assert_int_equal(planes[i], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep_plan__is_the_best_on_small_graphs),
		cmocka_unit_test(test_keep_plan__stays_within_limits),
		cmocka_unit_test(test_keep_plan__refuses_a_circle),
		cmocka_unit_test(test_keep_plan__survives_lack_of_memory),
		cmocka_unit_test(test_planes__come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
