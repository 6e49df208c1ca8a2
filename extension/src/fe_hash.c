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

#include "utils/memutils.h"

#define FEW_WORDS    3 /* of a key that lies in its entry */
#define FIRST_ROWS   1024
#define MAX_FAST_KEY 64 /* words on the stack */
#define PIECE_ROWS   64 /* that are looked up together */

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
	bool has_long;    /* keys that do not lie in their entries */
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

/* Without rows, nor room for any. */
static FeHash *
make_empty(const FeHashColumn *columns, int n_columns)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro dimension", ALLOCSET_DEFAULT_SIZES);
	FeHash *hash = MemoryContextAllocZero(context, sizeof(FeHash));

	hash->context = context;
	hash->n_columns = n_columns;
	hash->columns =
		MemoryContextAlloc(context, n_columns * sizeof(FeHashColumn));
	memcpy(hash->columns, columns, n_columns * sizeof(FeHashColumn));
	return hash;
}

FeHash *
fe_hash_make(const FeHashColumn *columns, int n_columns)
{
	FeHash *hash = make_empty(columns, n_columns);

	hash->capacity = FIRST_ROWS;
	hash->entries =
		MemoryContextAlloc(hash->context, hash->capacity * sizeof(HashEntry));
	memset(hash->entries, 0, sizeof(HashEntry));
	hash->n_entries = 1;
	hash->mask = 2 * FIRST_ROWS - 1;
	hash->buckets = MemoryContextAllocZero(hash->context,
	                                       (hash->mask + 1) * sizeof(uint32));
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

uint32
fe_hash_count(const FeHash *hash)
{
	return hash->n_entries;
}

/* ----------------------------------------------------------------- sharing */

/* Then the entries, then the buckets. */
typedef struct SharedHash
{
	uint32 n_entries;
	uint32 mask;
} SharedHash;

Size
fe_hash_get_shared_size(const FeHash *hash)
{
	if (hash->has_long)
		return 0;
	return sizeof(SharedHash) + (Size) hash->n_entries * sizeof(HashEntry) +
	       ((Size) hash->mask + 1) * sizeof(uint32);
}

void
fe_hash_share(const FeHash *hash, char *to)
{
	SharedHash *shared = (SharedHash *) to;
	HashEntry *entries = (HashEntry *) (shared + 1);

	*shared = (SharedHash){hash->n_entries, hash->mask};
	memcpy(entries, hash->entries, (Size) hash->n_entries * sizeof(HashEntry));
	memcpy(entries + hash->n_entries, hash->buckets,
	       ((Size) hash->mask + 1) * sizeof(uint32));
}

FeHash *
fe_hash_attach(const FeHashColumn *columns, int n_columns, char *from)
{
	FeHash *hash = make_empty(columns, n_columns);
	const SharedHash *shared = (const SharedHash *) from;

	hash->n_entries = hash->capacity = shared->n_entries;
	hash->entries = (HashEntry *) (from + sizeof(SharedHash));
	hash->mask = shared->mask;
	hash->buckets = (uint32 *) (hash->entries + hash->n_entries);
	return hash;
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

/* Values of less than a word come with whatever sign their maker gave them: an
 * oid above 2^31 is another word where it lies in a row. */
static inline uint64
get_word(const FeHashColumn *column, Datum value)
{
	return value & (PG_UINT64_MAX >> (64 - 8 * column->size));
}

static inline void
add_value(KeyWords *key, const FeHashColumn *column, Datum value)
{
	if (unlikely(key->n + 2 > key->capacity))
		reserve_words(key, 2);
	if (column->is_by_value)
		key->words[key->n++] = get_word(column, value);
	else if (column->size == -1)
		add_text(key, value);
	else
		add_long(key, DatumGetPointer(value), column->size);
}

static pg_attribute_always_inline uint32
hash_words(const uint64 *words, uint32 n)
{
	uint64 hash = n;

	for (uint32 i = 0; i < n; i++)
	{
		hash = (hash ^ words[i]) * UINT64CONST(0x9E3779B97F4A7C15);
		hash ^= hash >> 32;
	}
	return (uint32) hash;
}

static inline uint32
hash_key(const KeyWords *key)
{
	return hash_words(key->words, key->n);
}

static inline const uint64 *
get_words(const HashEntry *entry)
{
	return entry->n_words <= FEW_WORDS ? entry->words.few : entry->words.many;
}

static pg_attribute_always_inline bool
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
static pg_attribute_always_inline uint32
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
	{
		words = entry->words.many =
			MemoryContextAlloc(hash->context, key->n * sizeof(uint64));
		hash->has_long = true;
	}
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

/*
 * Look-ups of many rows go step by step over pieces of them, so that memory
 * that one row waits for is asked for while the others are looked at.  A piece
 * has the keys of few words; the others are looked up one by one.
 */
typedef enum KeyState
{
	KEY_IS_FEW,
	KEY_IS_NULL,
	KEY_IS_OTHER
} KeyState;

typedef struct KeyPiece
{
	int n_rows;
	uint32 *rows;   /* their numbers */
	uint32 n_words; /* of each key of few */
	uint32 hashes[PIECE_ROWS];
	uint64 words[PIECE_ROWS][FEW_WORDS];
	uint8 states[PIECE_ROWS];
} KeyPiece;

/* 0: keys of few words there are none. */
static uint32
count_words(const FeHash *hash)
{
	uint32 n = 0;

	for (int i = 0; i < hash->n_columns; i++)
	{
		const FeHashColumn *column = &hash->columns[i];

		if (!column->is_by_value && column->size != -1)
			return 0;
		n += column->is_by_value ? 1 : 2;
	}
	return n <= FEW_WORDS ? n : 0;
}

static void
load_texts(KeyPiece *piece, const ValueColumn *column, int n, uint32 place)
{
	for (int i = 0; i < n; i++)
	{
		const char *text = DatumGetPointer(column->values[i]);

		if (column->nulls[i])
			piece->states[i] = KEY_IS_NULL;
		else if (value_column_has_words(column, i))
			memcpy(&piece->words[i][place], text, sizeof(column->texts[i]));
		else if (input_coder_is_short(text))
			input_coder_load(text, &piece->words[i][place]);
		else if (piece->states[i] != KEY_IS_NULL)
			piece->states[i] = KEY_IS_OTHER;
	}
}

static void
load_values(KeyPiece *piece, const FeHashColumn *kind,
            const ValueColumn *column, int n, uint32 place)
{
	for (int i = 0; i < n; i++)
	{
		piece->words[i][place] = get_word(kind, column->values[i]);
		if (column->nulls[i])
			piece->states[i] = KEY_IS_NULL;
	}
}

static void
load_keys(const FeHash *hash, const ValueColumn *columns, int n,
          KeyPiece *piece)
{
	uint32 place = 0;

	memset(piece->states, piece->n_words > 0 ? KEY_IS_FEW : KEY_IS_OTHER, n);
	for (int i = 0; piece->n_words > 0 && i < hash->n_columns; i++)
		if (hash->columns[i].is_by_value)
			load_values(piece, &hash->columns[i], &columns[i], n, place++);
		else
		{
			load_texts(piece, &columns[i], n, place);
			place += 2;
		}
}

uint32
fe_hash_find_row(const FeHash *hash, const Datum *values, const bool *nulls)
{
	KeyWords key;
	uint32 found;

	for (int i = 0; i < hash->n_columns; i++)
		if (nulls[i])
			return FE_HASH_NONE;
	init_key(&key);
	for (int i = 0; i < hash->n_columns; i++)
		add_value(&key, &hash->columns[i], values[i]);
	found = hash->buckets[find_bucket(hash, hash_key(&key), key.words, key.n)];
	release_key(&key);
	return found;
}

bool
fe_hash_is_several(const FeHash *hash, uint32 row)
{
	return hash->entries[row].is_several;
}

/* All columns of a row are not NULL, or it has no match. */
static uint32
find_other(const FeHash *hash, const ValueColumn *columns, int row)
{
	Datum *values = palloc(hash->n_columns * sizeof(Datum));
	bool *nulls = palloc(hash->n_columns * sizeof(bool));
	uint32 found;

	for (int i = 0; i < hash->n_columns; i++)
	{
		values[i] = columns[i].values[row];
		nulls[i] = columns[i].nulls[row];
	}
	found = fe_hash_find_row(hash, values, nulls);
	pfree(values);
	pfree(nulls);
	return found;
}

/* Whether none of the keys is that of several rows; n_words is the piece's. */
static pg_attribute_always_inline bool
find_rows(const FeHash *hash, const ValueColumn *columns, KeyPiece *piece,
          const uint32 n_words)
{
	bool is_single = true;

	for (int i = 0; i < piece->n_rows; i++)
	{
		uint32 row = FE_HASH_NONE;

		if (likely(piece->states[i] == KEY_IS_FEW))
			row = hash->buckets[find_bucket(hash, piece->hashes[i],
			                                piece->words[i], n_words)];
		else if (piece->states[i] == KEY_IS_OTHER)
			row = find_other(hash, columns, i);
		is_single &= !hash->entries[row].is_several;
		piece->rows[i] = row;
	}
	return is_single;
}

static pg_attribute_always_inline bool
find_piece(const FeHash *hash, const ValueColumn *columns, KeyPiece *piece,
           const uint32 n_words)
{
	uint32 hashes[PIECE_ROWS];

	for (int i = 0; i < piece->n_rows; i++)
	{
		hashes[i] = hash_words(piece->words[i], n_words);
		__builtin_prefetch(&hash->buckets[hashes[i] & hash->mask]);
	}
	for (int i = 0; i < piece->n_rows; i++)
	{
		piece->hashes[i] = hashes[i];
		__builtin_prefetch(
			&hash->entries[hash->buckets[hashes[i] & hash->mask]]);
	}
	return find_rows(hash, columns, piece, n_words);
}

/* Loops of their own for each number of words. */
static bool
find_by_words(const FeHash *hash, const ValueColumn *columns, KeyPiece *piece)
{
	load_keys(hash, columns, piece->n_rows, piece);
	switch (piece->n_words)
	{
		case 1:
			return find_piece(hash, columns, piece, 1);
		case 2:
			return find_piece(hash, columns, piece, 2);
		case 3:
			return find_piece(hash, columns, piece, 3);
		default:
			return find_rows(hash, columns, piece, 0);
	}
}

static void
skip_rows(ValueColumn *columns, int n_columns, int n)
{
	for (int i = 0; i < n_columns; i++)
	{
		columns[i].values += n;
		columns[i].nulls += n;
		if (columns[i].texts != NULL)
			columns[i].texts += n;
	}
}

bool
fe_hash_find(const FeHash *hash, const ValueColumn *columns, int n_rows,
             uint32 *rows)
{
	ValueColumn *rest = palloc(hash->n_columns * sizeof(*rest));
	KeyPiece piece = {.n_words = count_words(hash)};
	bool is_single = true;

	memcpy(rest, columns, hash->n_columns * sizeof(*rest));
	for (int done = 0; done < n_rows; done += PIECE_ROWS)
	{
		piece.n_rows = Min(n_rows - done, PIECE_ROWS);
		piece.rows = rows + done;
		is_single &= find_by_words(hash, rest, &piece);
		skip_rows(rest, hash->n_columns, piece.n_rows);
	}
	pfree(rest);
	return is_single;
}
