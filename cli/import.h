/*
 * import.h
 *	  Files become tables, in these steps:
 *
 *	  survey (reads the files)  ->  types, NULL spellings, possible keys
 *	  -> references that are possible  ->  load (reads the files again)
 *	  -> keys and references that hold  ->  constraints, relationships
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "connect.h"
#include "csv.h"
#include "distinct.h"
#include "progress.h"
#include "value.h"

#define MAX_NAME_BYTES  63 /* of an SQL name */
#define MAX_KEY_COLUMNS 3
#define MAX_MISSING     32
#define SEEN_SLOTS      2048

/* Texts that stand for NULL. */
typedef struct missing_texts
{
	const char *texts[MAX_MISSING];
	size_t n_texts;
	bool is_given; /* by --null: they count in every column */
} missing_texts;

typedef struct import_column
{
	const char *name;
	const char *taken_name; /* what it would be, were no column before it so */

	/* what the survey saw */
	unsigned kinds; /* set of value_kind, of what is no missing text */
	uint64_t n_empty;
	uint64_t n_quoted_empty;
	uint64_t n_missing[MAX_MISSING]; /* by missing text, not quoted */
	uint64_t n_quoted_missing;
	uint64_t n_noted; /* values looked at: about one of each */
	uint64_t n_words; /* of them, those that are text and nothing else */
	uint64_t first_word_line;
	char first_word[32];
	size_t max_size;
	bool is_two_letters; /* every value is a code such as US, where NA is one */
	bool is_unique;
	hash_set values; /* all of them, while they are unique */
	distinct_sample sample;
	uint64_t seen[SEEN_SLOTS]; /* hashes of values that are accounted for */

	/* what follows from it */
	value_type type;
	bool has_null;
	uint32_t null_texts; /* bit per missing text that is NULL here */
	bool is_hashed;      /* while loading: a key or reference needs it */
} import_column;

/* Columns whose values together may be different in every row. */
typedef struct key_candidate
{
	size_t columns[MAX_KEY_COLUMNS];
	size_t n_columns;
	double score;
	bool is_refuted;  /* rows repeat it, or a better one is the key */
	uint64_t *hashes; /* of each row, while loading */
	hash_set values;  /* the same as a set, once is_complete */
	bool is_complete; /* single columns: by the survey; others: by the load */
	bool is_borrowed; /* values belong to the column */
} key_candidate;

typedef struct import_table
{
	/* the file */
	const char *path; /* as named by the user */
	int fd;
	uint64_t n_bytes;
	bool is_zipped;       /* by gzip */
	struct gzFile_s *zip; /* over a copy of fd, while it is read */
	char delimiter;
	bool has_header;

	/* the table */
	const char *name;
	const char *quoted_name; /* with its schema */
	import_column *columns;
	size_t n_columns;
	uint64_t n_rows;

	/* the first rows' hashes, (n_sampled, n_columns) */
	uint64_t *cells;
	size_t n_sampled;

	/* its key */
	key_candidate *keys;
	size_t n_keys;
	const key_candidate *key; /* the chosen one; NULL: none */
	bool is_key_declared;
	bool is_loaded;
} import_table;

/* Columns of one table that hold keys of another. */
typedef struct import_reference
{
	import_table *child;
	size_t columns[MAX_KEY_COLUMNS];
	import_table *parent;
	key_candidate *key;
	double name_score;

	/* counted by the load */
	uint64_t n_rows; /* without NULL */
	uint64_t n_matched;
	uint64_t *pending; /* hashes seen before the parent was complete */
	size_t n_pending;
	uint64_t last_hash;
	bool has_last_matched;

	bool is_declared; /* FOREIGN KEY */
	bool is_recorded; /* cerebro.relationship */
} import_reference;

typedef struct import_job
{
	/* wishes */
	missing_texts missing;
	const char *schema;
	char delimiter; /* 0: find out */
	bool has_header;
	bool is_replacing;
	bool has_keys;

	import_table *tables;
	size_t n_tables;
	import_reference *references;
	size_t n_references;
	import_table *existing; /* tables of the schema that have a key */
	size_t n_existing;

	PGconn *conn;
	progress_bar progress;
} import_job;

/* import_file.c */
extern exit_code import_open_file(import_job *job, import_table *table);
extern exit_code import_open_reader(import_table *table, csv_reader *reader);
/* Of n_bytes, how many the reader has asked for. */
extern uint64_t import_get_position(const import_table *table);
extern void import_close_file(import_table *table);
extern exit_code
import_explain_record(const import_table *table, const csv_reader *reader);
extern const char *import_get_table_name(const char *path);
extern const char *
import_get_column_name(const char *text, size_t size, size_t ordinal);
extern const char *import_number_name(const char *name, size_t number);

/* survey.c */
extern exit_code import_survey(import_job *job, import_table *table);
/* After all surveys: a text proved to mean NULL in one column counts in all. */
extern void import_choose_types(import_job *job);
extern int
import_find_missing(const missing_texts *missing, const csv_field *field);
extern bool import_is_null(const missing_texts *missing,
                           const import_column *column, const csv_field *field);

/* keys.c */
extern void import_find_keys(const import_job *job, import_table *table);
/* After the load of n_rows: at most one candidate is left. */
extern void import_prove_keys(import_table *table, uint64_t n_rows);
extern void import_choose_key(import_table *table);
extern uint64_t import_join_hashes(uint64_t first, uint64_t second);

/* references.c */
extern exit_code import_find_references(import_job *job);
extern void import_choose_references(import_job *job);

/* existing.c */
extern exit_code import_find_existing(import_job *job);
extern exit_code import_read_keys(import_job *job, import_table *table);

/* load.c */
extern exit_code import_make_table(import_job *job, import_table *table);
extern exit_code import_load(import_job *job, import_table *table);

/* constraints.c */
extern exit_code import_declare_key(import_job *job, import_table *table);
extern exit_code
import_declare_reference(import_job *job, import_reference *reference);
extern const char *import_list_columns(PGconn *conn, const import_table *table,
                                       const size_t *columns, size_t n);

#endif
