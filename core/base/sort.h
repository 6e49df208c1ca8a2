/*
 * base/sort.h
 *	  Sorting without recursion, allocation or a bad case.
 */
#ifndef CER_BASE_SORT_H
#define CER_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

typedef struct cer_sort_item
{
	uint64_t key;
	uint32_t index;
} cer_sort_item;

/* Stable, by key, in linear time; scratch holds n items too. */
extern void
cer_sort_items(cer_sort_item *items, cer_sort_item *scratch, size_t n);
extern void cer_sort_keys(uint64_t *keys, uint64_t *scratch, size_t n);

/* Negative, 0 or positive as a comes before, with or after b. */
typedef int (*cer_sort_compare)(const void *self, uint32_t a, uint32_t b);

/* Stable, by comparison, in n log n; scratch holds n indexes too. */
extern void cer_sort_indexes(uint32_t *indexes, uint32_t *scratch, size_t n,
                             cer_sort_compare compare, const void *self);

#endif
