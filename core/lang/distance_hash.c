/*
 * lang/distance_hash.c
 *	  Hashes of trees: facts are compared by 64 bits (XXH3).
 */
#include "lang/distance.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

uint64_t
cer_hash_text(uint64_t from, cer_text text)
{
	if (text.size == 0)
		return from * 0x9E3779B97F4A7C15 + 1;
	return XXH3_64bits_withSeed(text.data, text.size, from);
}

uint64_t
cer_hash_number(uint64_t from, double number)
{
	uint64_t bits;

	if (number == 0)
		number = 0; /* -0 too */
	memcpy(&bits, &number, sizeof(bits));
	return XXH64_avalanche(from * 0x9E3779B97F4A7C15 + bits);
}

uint64_t
cer_hash_tree(uint64_t from, const cer_ast *ast)
{
	uint64_t hash =
		cer_hash_number(from, (double) ast->kind * 2 + (ast->flag ? 1 : 0));

	hash = cer_hash_text(hash, ast->name);
	if (ast->qualifier.size > 0)
		hash = cer_hash_text(hash + 1, ast->qualifier);
	if (ast->kind == CER_AST_NUMBER)
		hash = cer_hash_number(hash, ast->number);
	for (const cer_ast *child = ast->first; child; child = child->next)
		hash = cer_hash_tree(hash, child);
	return cer_hash_number(hash, -1);
}
