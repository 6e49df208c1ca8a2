/*
 * data/vocabulary.h
 *	  The values that a table has a row for, and their codes.
 *
 * Values stand in byte order; the i-th has code CER_CODE_FIRST + i.  A number
 * is a value of eight bytes whose byte order is that of the numbers.
 */
#ifndef CER_DATA_VOCABULARY_H
#define CER_DATA_VOCABULARY_H

#include "data/encoded.h"

#include <string.h>

#define CER_NUMBER_VALUE_SIZE 8

typedef struct cer_vocabulary_slot
{
	uint32_t hash;
	uint32_t code; /* 0: empty */
} cer_vocabulary_slot;

typedef struct cer_vocabulary
{
	size_t n_values;
	const cer_text *values;
	size_t mask; /* slots - 1; at least half of them are empty */
	const cer_vocabulary_slot *slots;
} cer_vocabulary;

/* Copies the values, which are distinct and in byte order. */
extern cer_status
cer_vocabulary_make(cer_arena *arena, const cer_text *values, size_t n_values,
                    const cer_vocabulary **vocabulary, cer_error *err);

/* CER_CODE_UNSEEN if it is none of the values. */
extern uint32_t
cer_vocabulary_find(const cer_vocabulary *vocabulary, cer_text value);

/* Negative, 0 or positive: byte order, the shorter first. */
extern int cer_value_compare(cer_text a, cer_text b);

#define CER_SIGN_BIT (UINT64_C(1) << 63)

/*
 * Order of the keys is that of the numbers; number is not NaN.  Negative
 * numbers have all bits turned, others the sign.
 */
static inline uint64_t
cer_number_make_key(double number)
{
	uint64_t word;

	number += 0.0; /* one zero */
	memcpy(&word, &number, sizeof(word));
	return word & CER_SIGN_BIT ? ~word : word | CER_SIGN_BIT;
}

static inline double
cer_number_of_key(uint64_t key)
{
	uint64_t word = key & CER_SIGN_BIT ? key & ~CER_SIGN_BIT : ~key;
	double number;

	memcpy(&number, &word, sizeof(number));
	return number;
}

extern void cer_number_key_write(uint64_t key, char *bytes);

typedef struct cer_number_slot
{
	uint64_t key;
	uint32_t code; /* 0: empty */
} cer_number_slot;

/* The codes of a vocabulary of numbers by their keys, without their bytes. */
typedef struct cer_number_codes
{
	int shift; /* of the hash: what is left are the slots' numbers */
	size_t mask;
	const cer_number_slot *slots;
} cer_number_codes;

extern cer_status
cer_number_codes_make(cer_arena *arena, const cer_vocabulary *vocabulary,
                      const cer_number_codes **codes, cer_error *err);

/* The keys of numbers that are near differ in high bits. */
static inline size_t
cer_number_codes_place(const cer_number_codes *codes, uint64_t key)
{
	return (size_t) (key * UINT64_C(0x9E3779B97F4A7C15) >> codes->shift);
}

/* As cer_vocabulary_find of the key's bytes. */
static inline uint32_t
cer_number_codes_find(const cer_number_codes *codes, uint64_t key)
{
	size_t at = cer_number_codes_place(codes, key);

	while (codes->slots[at].code != 0 && codes->slots[at].key != key)
		at = (at + 1) & codes->mask;
	return codes->slots[at].code != 0 ? codes->slots[at].code : CER_CODE_UNSEEN;
}

#endif
