/*
 * train/transfer_maps.c
 *	  Which float, vector or row of the old network each of the new one's is.
 */
#include "train/transfer_private.h"

#include <string.h>

bool
cer_align_make_map(cer_alignment *a, size_t n, size_t n_old, cer_map *map)
{
	return cer_map_make(a->arena, n, n_old, map, NULL) == CER_OK;
}

bool
cer_align_map_units(cer_alignment *a, size_t n, size_t n_old, cer_map *map)
{
	if (n < n_old || n_old == 0 || !cer_align_make_map(a, n, n_old, map))
		return false;
	for (size_t i = 0; i < n; i++)
		map->at[i] = (int32_t) (i % n_old);
	return true;
}

bool
cer_map_is_same(const cer_map *a, const cer_map *b)
{
	return a->n == b->n && a->n_old == b->n_old &&
	       a->is_choice == b->is_choice &&
	       (a->n == 0 || memcmp(a->at, b->at, a->n * sizeof(*a->at)) == 0);
}

bool
cer_map_is_even(const cer_map *map)
{
	if (map->n_old == 0 || map->n % map->n_old != 0)
		return false;
	for (size_t i = 0; i < map->n; i++)
		if (map->at[i] != (int32_t) (i % map->n_old))
			return false;
	return true;
}

/* Vectors one after the other as one. */
static bool
flatten(cer_alignment *a, const cer_place_of_node *place, const cer_edge *now,
        const cer_edge *old, cer_map *floats, cer_map *vectors)
{
	size_t n = place->floats.n;
	size_t k = now->n / n;
	size_t k_old = old->n / place->floats.n_old;

	if (now->n % n != 0 || old->n % place->floats.n_old != 0 ||
	    now->m != old->m || !cer_align_make_map(a, now->n, old->n, floats) ||
	    !cer_align_map_units(a, now->m, old->m, vectors))
		return false;
	(void) k_old;
	for (size_t i = 0; i < k; i++)
		for (size_t j = 0; j < n; j++)
			if (place->vectors.at[i] != NOWHERE &&
			    place->floats.at[j] != NOWHERE)
				floats->at[i * n + j] =
					place->vectors.at[i] * (int32_t) place->floats.n_old +
					place->floats.at[j];
	return true;
}

/* One vector as several side by side. */
static bool
divide(cer_alignment *a, const cer_place_of_node *place, const cer_edge *now,
       const cer_edge *old, cer_map *floats, cer_map *vectors)
{
	size_t k = place->floats.n / now->n;

	if (place->floats.n % now->n != 0 || place->floats.n_old % old->n != 0 ||
	    place->vectors.n != 1 || k != now->m || now->m != old->m ||
	    !cer_align_make_map(a, now->n, old->n, floats) ||
	    !cer_align_map_units(a, now->m, old->m, vectors))
		return false;
	for (size_t i = 0; i < place->floats.n; i++)
	{
		int32_t at = place->floats.at[i];
		size_t vector = i / now->n;

		if (at != NOWHERE && (size_t) at / old->n != vector)
			return false;
		if (at != NOWHERE)
			at %= (int32_t) old->n;
		if (vector > 0 && floats->at[i % now->n] != at)
			return false;
		floats->at[i % now->n] = at;
	}
	return true;
}

bool
cer_align_view(cer_alignment *a, const cer_edge *now, const cer_edge *old,
               cer_map *floats, cer_map *vectors)
{
	const cer_place_of_node *place = &a->places[now->node];

	if (now->n == place->floats.n && old->n == place->floats.n_old)
	{
		*floats = place->floats;
		*vectors = place->vectors;
		return now->m == vectors->n && old->m == vectors->n_old;
	}
	if (now->n > place->floats.n)
		return flatten(a, place, now, old, floats, vectors);
	return divide(a, place, now, old, floats, vectors);
}
