/*
 * fe_hash.c
 *	  Rows of a table by their key.
 *
 * A key becomes words: a value of fixed size one, a text of up to 15 bytes with
 * its header two, a longer one its size and its bytes.  Texts are the same
 * words in whatever form they are stored.
 *
 *	 buckets (a power of two) -> entries, in the order of rows -> words
 */
#include "fe_hash.h"
#include "input_coder.h"

#include "utils/memutils.h"

#define FEW_WORDS    FE_HASH_WORDS /* of a key that lies in its entry */
#define FIRST_ROWS   1024
#define MAX_FAST_KEY 64 /* words on the stack */
#define KEYS_AHEAD   8  /* whose memory is asked for */

/* A key of many words is looked up at once: its words are the row's number and
 * whether several have it. */
#define IS_FOUND PG_UINT32_MAX

typedef struct HashEntry
{
	uint32 hash;
	uint32 n_words;
	union
	{
		uint64 few[FEW_WORDS];
		uint64 *many;
	} words;
	bool is_several;
} HashEntry;

struct FeHash
{
	MemoryContext context;
	int n_columns;
	FeHashColumn *columns;
	uint32 n_entries; /* the first is nobody's */
	uint32 capacity;
	HashEntry *entries;
	uint32 mask; /* of buckets */
	uint32 *buckets;
};

/* A key as words: on the stack, or where they are many in allocated memory. */
typedef struct KeyWords
{
	uint32 n;
	uint32 capacity;
	uint64 *words;
	uint64 stack[MAX_FAST_KEY];
} KeyWords;

FeHash *
fe_hash_make(const FeHashColumn *columns, int n_columns)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro dimension", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	FeHash *hash = palloc0(sizeof(FeHash));

	hash->context = context;
	hash->n_columns = n_columns;
	hash->columns = palloc(n_columns * sizeof(FeHashColumn));
	memcpy(hash->columns, columns, n_columns * sizeof(FeHashColumn));
	hash->capacity = FIRST_ROWS;
	hash->entries = palloc(hash->capacity * sizeof(HashEntry));
	memset(hash->entries, 0, sizeof(HashEntry));
	hash->n_entries = 1;
	hash->mask = 2 * FIRST_ROWS - 1;
	hash->buckets = palloc0((hash->mask + 1) * sizeof(uint32));
	MemoryContextSwitchTo(caller);
	return hash;
}

void
fe_hash_free(FeHash *hash)
{
	MemoryContextDelete(hash->context);
}

Size
fe_hash_get_size(const FeHash *hash)
{
	return MemoryContextMemAllocated(hash->context, true);
}

/* -------------------------------------------------------------------- keys */

static void
reserve_words(KeyWords *key, uint32 n)
{
	uint64 *words;

	if (key->n + n <= key->capacity)
		return;
	key->capacity = 2 * (key->n + n);
	words = palloc(key->capacity * sizeof(uint64));
	memcpy(words, key->words, key->n * sizeof(uint64));
	if (key->words != key->stack)
		pfree(key->words);
	key->words = words;
}

/* Where a text is short, but not in the form in which short ones are. */
static void
add_short(KeyWords *key, const char *data, Size size)
{
	char bytes[16] = {0};

	SET_VARSIZE_1B(bytes, size + VARHDRSZ_SHORT);
	memcpy(bytes + VARHDRSZ_SHORT, data, size);
	memcpy(key->words + key->n, bytes, sizeof(bytes));
	key->n += 2;
}

/* Its first word is even, that of a short text odd: its lowest byte is the
 * header of one byte. */
static void
add_long(KeyWords *key, const char *data, Size size)
{
	uint32 n = (uint32) (size + sizeof(uint64) - 1) / sizeof(uint64);

	reserve_words(key, n + 1);
	key->words[key->n] = (uint64) size << 1;
	key->words[key->n + n] = 0;
	memcpy(key->words + key->n + 1, data, size);
	memset((char *) (key->words + key->n + 1) + size, 0,
	       n * sizeof(uint64) - size);
	key->n += n + 1;
}

static void
add_text(KeyWords *key, Datum value)
{
	const char *text = DatumGetPointer(value);
	struct varlena *whole;
	Size size;

	if (input_coder_is_short(text))
	{
		input_coder_load(text, key->words + key->n);
		key->n += 2;
		return;
	}
	whole = PG_DETOAST_DATUM_PACKED(value);
	size = VARSIZE_ANY_EXHDR(whole);
	if (size + VARHDRSZ_SHORT <= 16)
		add_short(key, VARDATA_ANY(whole), size);
	else
		add_long(key, VARDATA_ANY(whole), size);
	if ((char *) whole != text)
		pfree(whole);
}

static inline void
add_value(KeyWords *key, const FeHashColumn *column, Datum value)
{
	if (unlikely(key->n + 2 > key->capacity))
		reserve_words(key, 2);
	if (column->is_by_value)
		key->words[key->n++] = value;
	else if (column->size == -1)
		add_text(key, value);
	else
		add_long(key, DatumGetPointer(value), column->size);
}

static inline uint32
hash_key(const KeyWords *key)
{
	uint64 hash = key->n;

	for (uint32 i = 0; i < key->n; i++)
	{
		hash = (hash ^ key->words[i]) * UINT64CONST(0x9E3779B97F4A7C15);
		hash ^= hash >> 32;
	}
	return (uint32) hash;
}

static inline const uint64 *
get_words(const HashEntry *entry)
{
	return entry->n_words <= FEW_WORDS ? entry->words.few : entry->words.many;
}

static inline bool
is_key(const HashEntry *entry, uint32 hash, const uint64 *words, uint32 n)
{
	const uint64 *own;

	if (entry->hash != hash || entry->n_words != n)
		return false;
	own = get_words(entry);
	for (uint32 i = 0; i < n; i++)
		if (own[i] != words[i])
			return false;
	return true;
}

/* The bucket that has the key, or the free one where it would be. */
static inline uint32
find_bucket(const FeHash *hash, uint32 code, const uint64 *words, uint32 n)
{
	uint32 at = code & hash->mask;

	while (hash->buckets[at] != FE_HASH_NONE &&
	       !is_key(&hash->entries[hash->buckets[at]], code, words, n))
		at = (at + 1) & hash->mask;
	return at;
}

/* -------------------------------------------------------------------- rows */

static void
grow(FeHash *hash)
{
	uint32 n_buckets = 4 * hash->capacity;

	if (hash->capacity > PG_UINT32_MAX / 8)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("a table of FE has too many rows")));
	hash->capacity *= 2;
	hash->entries =
		repalloc_huge(hash->entries, (Size) hash->capacity * sizeof(HashEntry));
	pfree(hash->buckets);
	hash->buckets = MemoryContextAllocExtended(
		hash->context, (Size) n_buckets * sizeof(uint32),
		MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	hash->mask = n_buckets - 1;
	for (uint32 i = 1; i < hash->n_entries; i++)
	{
		uint32 at = hash->entries[i].hash & hash->mask;

		while (hash->buckets[at] != FE_HASH_NONE)
			at = (at + 1) & hash->mask;
		hash->buckets[at] = i;
	}
}

static void
fill_entry(FeHash *hash, HashEntry *entry, const KeyWords *key)
{
	uint64 *words = entry->words.few;

	if (key->n > FEW_WORDS)
		words = entry->words.many =
			MemoryContextAlloc(hash->context, key->n * sizeof(uint64));
	memcpy(words, key->words, key->n * sizeof(uint64));
	entry->n_words = key->n;
	entry->is_several = false;
}

static inline void
init_key(KeyWords *key)
{
	key->n = 0;
	key->capacity = MAX_FAST_KEY;
	key->words = key->stack;
}

static inline void
release_key(KeyWords *key)
{
	if (unlikely(key->words != key->stack))
		pfree(key->words);
}

uint32
fe_hash_add(FeHash *hash, const Datum *values, const bool *nulls)
{
	KeyWords key;
	uint32 code;
	uint32 at;
	uint32 number = FE_HASH_NONE;

	init_key(&key);
	for (int i = 0; i < hash->n_columns; i++)
	{
		if (nulls[i])
		{
			release_key(&key);
			return FE_HASH_NONE;
		}
		add_value(&key, &hash->columns[i], values[i]);
	}
	if (hash->n_entries == hash->capacity)
		grow(hash);
	code = hash_key(&key);
	at = find_bucket(hash, code, key.words, key.n);
	if (hash->buckets[at] != FE_HASH_NONE)
		hash->entries[hash->buckets[at]].is_several = true;
	else
	{
		number = hash->n_entries++;
		hash->buckets[at] = number;
		hash->entries[number].hash = code;
		fill_entry(hash, &hash->entries[number], &key);
	}
	release_key(&key);
	return number;
}

void
fe_hash_make_key(FeHash *hash, const Datum *values, const bool *nulls,
                 const int *places, FeHashKey *made)
{
	KeyWords key;

	made->n_words = 0;
	init_key(&key);
	for (int i = 0; i < hash->n_columns; i++)
	{
		if (nulls[places[i]])
		{
			release_key(&key);
			return;
		}
		add_value(&key, &hash->columns[i], values[places[i]]);
	}
	made->hash = hash_key(&key);
	made->n_words = key.n;
	if (likely(key.n <= FEW_WORDS))
	{
		__builtin_prefetch(&hash->buckets[made->hash & hash->mask]);
		for (uint32 i = 0; i < FEW_WORDS; i++)
			made->words[i] = key.words[i];
		return;
	}
	made->words[0] =
		hash->buckets[find_bucket(hash, made->hash, key.words, key.n)];
	made->n_words = IS_FOUND;
	release_key(&key);
}

static inline void
prefetch_entry(const FeHash *hash, const FeHashKey *key)
{
	if (key->n_words > 0 && key->n_words <= FEW_WORDS)
		__builtin_prefetch(
			&hash->entries[hash->buckets[key->hash & hash->mask]]);
}

bool
fe_hash_find(const FeHash *hash, const FeHashKey *keys, int n_keys,
             uint32 *rows)
{
	bool is_single = true;

	for (int i = 0; i < n_keys; i++)
	{
		const FeHashKey *key = &keys[i];

		if (i + KEYS_AHEAD < n_keys)
			prefetch_entry(hash, &keys[i + KEYS_AHEAD]);
		if (key->n_words == 0)
			rows[i] = FE_HASH_NONE;
		else if (key->n_words == IS_FOUND)
			rows[i] = (uint32) key->words[0];
		else
			rows[i] = hash->buckets[find_bucket(hash, key->hash, key->words,
			                                    key->n_words)];
		is_single &= !hash->entries[rows[i]].is_several;
	}
	return is_single;
}
