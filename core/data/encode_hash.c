/*
 * data/encode_hash.c
 *	  Values to rows of a table by their hash: hash(n, d) and ngram.
 *
 *	 hash	the row XXH3(value) modulo n: values share rows, none is stored
 *	 ngram	the sum of a row for each piece of g characters of the text,
 *			whose begin and end are characters, too
 *
 * Letters of ASCII are taken as small ones.  Of a text of more pieces those of
 * the least hashes are taken, so that texts that share pieces keep them; of one
 * of fewer, places without a piece have a row of their own.
 *
 * Rows: 0 NULL, 1 no piece here, then those of hashes.
 */
#include "data/encoder.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint32_t
find_row(const cer_encoder *encoder, cer_text value)
{
	uint64_t hash = XXH3_64bits(value.data, value.size);

	return CER_CODE_FIRST + (uint32_t) (hash % encoder->n_rows);
}

/* ---- fitting ---- */

static void
set_rows(cer_encoder *encoder)
{
	const cer_encoder_spec *spec = &encoder->spec;

	encoder->n_rows = spec->width > 0 ? spec->width : CER_HASH_ROWS;
	encoder->width = spec->depth > 0 ? spec->depth : CER_EMBED_WIDTH;
}

/* Where no training row misses the value it counts as the most frequent one:
 * the row of NULL is not trained. */
cer_status
cer_hash_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	const cer_dictionary *dictionary = &fit->column->dictionary;
	cer_encoder *encoder = fit->encoder;
	size_t most = 0;

	(void) arena;
	(void) err;
	set_rows(encoder);
	for (size_t code = 1; code <= dictionary->n_values; code++)
		if (most == 0 || fit->counts[code] > fit->counts[most])
			most = code;
	encoder->null_code = fit->counts[0] > 0 || most == 0
	                         ? CER_CODE_NULL
	                         : find_row(encoder, dictionary->values[most]);
	return CER_OK;
}

uint32_t
cer_hash_find_number(const cer_encoder *encoder, double x)
{
	char bytes[CER_NUMBER_VALUE_SIZE];

	if (x != x)
		return encoder->null_code;
	cer_number_key_write(cer_number_make_key(x), bytes);
	return find_row(encoder, (cer_text){bytes, sizeof(bytes)});
}

/* Of the sorted keys. */
static uint64_t
find_most_frequent(const cer_fit_input *fit)
{
	uint64_t most = 0;
	size_t n_most = 0;

	for (size_t first = 0, end; first < fit->n_keys; first = end)
	{
		for (end = first + 1;
		     end < fit->n_keys && fit->keys[end] == fit->keys[first];)
			end++;
		if (end - first <= n_most)
			continue;
		n_most = end - first;
		most = fit->keys[first];
	}
	return most;
}

cer_status
cer_hash_number_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	cer_encoder *encoder = fit->encoder;

	(void) arena;
	(void) err;
	set_rows(encoder);
	encoder->null_code = CER_CODE_NULL;
	if (fit->n_keys == fit->n_rows && fit->n_keys > 0)
		encoder->null_code = cer_hash_find_number(
			encoder, cer_number_of_key(find_most_frequent(fit)));
	return CER_OK;
}

/* Where no training row misses the text, it counts as the empty one. */
cer_status
cer_ngram_settle(cer_arena *arena, cer_fit_input *fit, cer_error *err)
{
	cer_encoder *encoder = fit->encoder;

	(void) arena;
	(void) err;
	set_rows(encoder);
	encoder->gram = encoder->spec.gram > 0 ? encoder->spec.gram : CER_GRAM;
	encoder->n_codes = encoder->spec.most > 0 ? encoder->spec.most : CER_GRAMS;
	encoder->null_code = fit->counts[0] > 0 ? CER_CODE_NULL : CER_CODE_UNSEEN;
	cer_bag_place(encoder);
	return CER_OK;
}

cer_status
cer_ngram_lift(cer_arena *arena, const cer_encoder *encoder, cer_lift *lift,
               cer_error *err)
{
	(void) arena;
	(void) err;
	lift->kind = CER_LIFT_BAG;
	lift->code = encoder->table;
	lift->n_codes = encoder->n_codes;
	lift->n_rows = CER_CODE_FIRST + encoder->n_rows;
	return CER_OK;
}

/* ---- pieces of text ---- */

#define TEXT_BEGIN '\002'
#define TEXT_END   '\003'

/* The latest characters of a text, the oldest first. */
typedef struct window
{
	char bytes[4 * CER_MAX_GRAM];
	size_t size;
	size_t n;
} window;

/* Bytes of the UTF-8 character at `text`; other bytes stand alone. */
static size_t
get_character_size(cer_text text)
{
	unsigned char first = (unsigned char) text.data[0];
	size_t size = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

	return size < text.size ? size : text.size;
}

static void
window_add(window *w, size_t gram, const char *bytes, size_t size)
{
	if (w->n == gram)
	{
		size_t first = get_character_size((cer_text){w->bytes, w->size});

		memmove(w->bytes, w->bytes + first, w->size - first);
		w->size -= first;
		w->n--;
	}
	memcpy(w->bytes + w->size, bytes, size);
	w->size += size;
	w->n++;
}

/* The least hashes so far, rising, each once. */
typedef struct least
{
	uint64_t hashes[CER_MAX_GRAMS];
	size_t n;
	size_t most;
} least;

static void
least_add(least *l, const window *w)
{
	uint64_t hash = XXH3_64bits(w->bytes, w->size);
	size_t at = l->n;

	if (l->n == l->most && hash >= l->hashes[l->n - 1])
		return;
	while (at > 0 && l->hashes[at - 1] > hash)
		at--;
	if (at > 0 && l->hashes[at - 1] == hash)
		return;
	if (l->n < l->most)
		l->n++;
	memmove(&l->hashes[at + 1], &l->hashes[at],
	        (l->n - at - 1) * sizeof(l->hashes[0]));
	l->hashes[at] = hash;
}

static void
take_character(const cer_encoder *encoder, window *w, least *l,
               cer_text character)
{
	char byte = character.data[0];

	if (byte >= 'A' && byte <= 'Z')
	{
		byte = (char) (byte + 'a' - 'A');
		character.data = &byte;
	}
	window_add(w, encoder->gram, character.data, character.size);
	if (w->n == encoder->gram)
		least_add(l, w);
}

static void
list_pieces(const cer_encoder *encoder, cer_text text, least *l)
{
	static const char ends[] = {TEXT_BEGIN, TEXT_END};
	window w = {.n = 0};

	take_character(encoder, &w, l, (cer_text){&ends[0], 1});
	while (text.size > 0)
	{
		size_t size = get_character_size(text);

		take_character(encoder, &w, l, (cer_text){text.data, size});
		text.data += size;
		text.size -= size;
	}
	take_character(encoder, &w, l, (cer_text){&ends[1], 1});
	if (l->n == 0)
		least_add(l, &w); /* a text shorter than a piece */
}

void
cer_ngram_find(const cer_encoder *encoder, cer_text value, uint32_t *codes)
{
	least l = {.most = encoder->n_codes};

	for (size_t i = 0; i < encoder->n_codes; i++)
		codes[i] = CER_CODE_UNSEEN;
	if (value.size == SIZE_MAX && encoder->null_code == CER_CODE_NULL)
	{
		codes[0] = CER_CODE_NULL;
		return;
	}
	if (value.size == SIZE_MAX)
		value.size = 0;
	list_pieces(encoder, value, &l);
	for (size_t i = 0; i < l.n; i++)
		codes[i] = CER_CODE_FIRST + (uint32_t) (l.hashes[i] % encoder->n_rows);
}

/* ---- encoding ---- */

void
cer_hash_find(const cer_encoder *encoder, cer_text value, uint32_t *codes)
{
	*codes =
		value.size == SIZE_MAX ? encoder->null_code : find_row(encoder, value);
}

void
cer_hash_describe(const cer_encoder *encoder, size_t i, cer_table_shape *table,
                  const char **suffix)
{
	(void) i;
	(void) suffix;
	table->n_codes = CER_CODE_FIRST + encoder->n_rows;
}

/* ---- bytes ---- */

void
cer_hash_write(cer_byte_writer *to, const cer_encoder *encoder)
{
	cer_write_number(to, encoder->width, sizeof(uint32_t));
	cer_write_number(to, encoder->n_rows, sizeof(uint32_t));
	cer_write_number(to, encoder->null_code, sizeof(uint32_t));
	cer_write_number(to, encoder->gram, 1);
	cer_write_number(to, encoder->n_codes, sizeof(uint32_t));
}

cer_status
cer_hash_read(cer_arena *arena, cer_byte_reader *from, cer_encoder *encoder,
              cer_error *err)
{
	bool is_ngram = encoder->spec.kind == CER_ENCODER_NGRAM;

	(void) arena;
	encoder->width = (size_t) cer_read_number(from, sizeof(uint32_t));
	encoder->n_rows = (size_t) cer_read_number(from, sizeof(uint32_t));
	encoder->null_code = (uint32_t) cer_read_number(from, sizeof(uint32_t));
	encoder->gram = (size_t) cer_read_number(from, 1);
	encoder->n_codes = (size_t) cer_read_number(from, sizeof(uint32_t));
	if (encoder->width == 0 || encoder->width > CER_MAX_EMBED_WIDTH ||
	    encoder->n_rows == 0 || encoder->n_rows > CER_MAX_HASH_ROWS ||
	    encoder->null_code >= CER_CODE_FIRST + encoder->n_rows ||
	    encoder->n_codes == 0 ||
	    encoder->n_codes > (is_ngram ? CER_MAX_GRAMS : 1) ||
	    (encoder->gram > 0) != is_ngram || encoder->gram > CER_MAX_GRAM)
		return cer_encoder_fail(encoder, err);
	if (is_ngram)
		cer_bag_place(encoder);
	return CER_OK;
}
