/*
 * scan_company.c
 *	  Which of a node's calls compute the same, or begin with the same.
 *
 *	 late(t), late_proba(t)		twins: one is computed
 *	 late(t), early(t)			early's model reads what late's does and encodes
 *								it alike, as they were trained on the same rows,
 *								or one is a change of the other: it follows late
 *
 * A call follows the one before it that computes most of its layers.
 */
#include "scan_company.h"

static bool
is_alone(const ScanCompany *company)
{
	return company->twin < 0 && company->leader < 0;
}

/* Whether the call asks what the other one, before it, does. */
static bool
is_twin(const ScanAsked *call, const ScanAsked *other)
{
	return other->like == call->like && other->scorer == call->scorer;
}

/* Whether a row's values serve both. */
static bool
can_follow(const ScanAsked *call, const ScanAsked *other)
{
	return other->like == call->like &&
	       scorer_reads_as(call->scorer, other->scorer);
}

static void
consider(const ScanAsked *asked, int call, int other, ScanCompany *company)
{
	size_t n_shared =
		cer_model_count_shared(scorer_get_model(asked[call].scorer),
	                           scorer_get_model(asked[other].scorer));

	if (!can_follow(&asked[call], &asked[other]) ||
	    (company[call].leader >= 0 && n_shared <= company[call].n_shared))
		return;
	company[call].leader = other;
	company[call].n_shared = n_shared;
}

static void
find_one(const ScanAsked *asked, int call, ScanCompany *company)
{
	company[call] = (ScanCompany){.twin = -1, .leader = -1};
	for (int i = 0; i < call; i++)
		if (company[i].twin < 0 && is_twin(&asked[call], &asked[i]))
		{
			company[call].twin = i;
			return;
		}
	for (int i = 0; i < call; i++)
		if (is_alone(&company[i]))
			consider(asked, call, i, company);
}

void
scan_company_find(int n_calls, const ScanAsked *asked, ScanCompany *company)
{
	for (int i = 0; i < n_calls; i++)
		find_one(asked, i, company);
}

static char *
describe(const ScanAsked *call, const ScanAsked *leader, size_t n_shared)
{
	int32 id = scorer_get_model_id(call->scorer);
	int32 other = scorer_get_model_id(leader->scorer);

	if (n_shared == 0)
		return psprintf("model %d: encoded rows of model %d", id, other);
	return psprintf("model %d: %zu of %zu layers of model %d", id, n_shared,
	                cer_model_count_layers(scorer_get_model(call->scorer)),
	                other);
}

List *
scan_company_describe(int n_calls, const ScanAsked *asked,
                      const ScanCompany *company)
{
	List *texts = NIL;

	for (int i = 0; i < n_calls; i++)
		if (company[i].leader >= 0)
			texts =
				lappend(texts, describe(&asked[i], &asked[company[i].leader],
			                            company[i].n_shared));
	return texts;
}
