/*
 * lang/suggest.h
 *	  The known word nearest to an unknown one: Perhaps you meant "age".
 */
#ifndef CER_LANG_SUGGEST_H
#define CER_LANG_SUGGEST_H

#include "base/error.h"

/* Offer it each candidate, then ask for the hint. */
typedef struct cer_suggestion
{
	cer_text word;
	cer_text best; /* borrowed */
	size_t distance;
} cer_suggestion;

extern void cer_suggestion_init(cer_suggestion *suggestion, cer_text word);
extern void
cer_suggestion_offer(cer_suggestion *suggestion, cer_text candidate);
/* The same of an argument or setting, which others may call otherwise. */
extern void
cer_suggestion_offer_argument(cer_suggestion *suggestion, cer_text candidate);
/* One slip away: what is written so was meant to be the known word. */
extern bool cer_suggest_is_slip(cer_text word, cer_text known);
/* Sets err's hint where a candidate is near enough to be a slip. */
extern void
cer_suggestion_hint(const cer_suggestion *suggestion, cer_error *err);

#endif
