/*
 * cli.h
 *	  What the files of the program `cerebro` share: options, messages, text,
 *	  the command table.
 *
 * The program lives for one command.  Texts made by keep_printf last until it
 * ends; everything else has an owner.  A failure is told once, where it is
 * noticed, by message_error; the caller then only passes the exit code on.
 */
#ifndef CLI_H
#define CLI_H

#define _GNU_SOURCE /* pipe2, O_CLOEXEC and the like; included first */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the program ends with; `cerebro --help` lists them. */
typedef enum exit_code
{
	EXIT_OK = 0,
	EXIT_FAILED = 1,     /* the work could not be done */
	EXIT_USAGE = 2,      /* wrong options or arguments */
	EXIT_SERVER = 3,     /* no server, or the connection was lost */
	EXIT_CANCELED = 130, /* Ctrl-C */
	EXIT_EXECUTED = 256  /* internal: not an ending */
} exit_code;

/* ---------------------------------------------------------------- options */

/* Texts given by an option that may be repeated. */
typedef struct text_list
{
	const char **items;
	size_t n_items;
} text_list;

typedef enum option_kind
{
	OPTION_FLAG, /* bool */
	OPTION_TEXT, /* const char * */
	OPTION_TEXTS /* text_list */
} option_kind;

/* One row parses the option and documents it. */
typedef struct option_row
{
	const char *name;     /* without dashes; NULL ends a table */
	char letter;          /* 0: none */
	const char *argument; /* word for its argument; NULL for a flag */
	const char *help;
	option_kind kind;
	size_t offset; /* of the value in the struct of values */
} option_row;

typedef struct global_options
{
	const char *connect; /* NULL: the private server */
	const char *home;
	bool is_json;
	bool is_quiet;
	bool help;
	bool version;
} global_options;

typedef struct command command;

typedef struct invocation
{
	const command *command;
	const char *program; /* as it was called */
	global_options global;
	int argc; /* what is left after options; argv[0] is the first argument */
	char **argv;
} invocation;

struct command
{
	const char *name;
	const char *arguments; /* of the usage line */
	const char *summary;   /* one line */
	const char *details;   /* lines below the options, may be NULL */
	const option_row *options;
	size_t values_size;    /* of the struct that options fill */
	bool takes_any_option; /* the command reads its own arguments */
	bool is_private;       /* of the private server: no --connect */
	bool is_story;         /* for people: no --json */
	int (*run)(const invocation *call, const void *values);
};

extern const option_row global_option_rows[];

extern const command start_command;
extern const command stop_command;
extern const command status_command;
extern const command sql_command;
extern const command import_command;
extern const command demo_command;

/* Takes the options out of argv; *argc and argv hold what is left. */
extern bool options_parse(const option_row *rows, void *values,
                          global_options *global, int *argc, char **argv);
/* All but the option of that name, where there is one. */
extern void options_print(const option_row *rows, const char *left_out);

/* --------------------------------------------------------------- messages */

/* All go to stderr, so that stdout holds results only. */
extern void message_start(bool is_quiet);
extern void
message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void
message_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void
message_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void
message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void message_note(const char *format, ...)
	__attribute__((format(printf, 1, 2))); /* silent with --quiet */

typedef enum message_style
{
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_RED,
	STYLE_GREEN,
	STYLE_CYAN
} message_style;

/* The escape sequence, or "" where colours are not wanted on fd. */
extern const char *message_get_style(int fd, message_style style);

/* ------------------------------------------------------------------- text */

typedef struct text_buffer
{
	char *data; /* ended by NUL once anything was added */
	size_t size;
	size_t capacity;
} text_buffer;

extern void text_release(text_buffer *text);
extern void text_reserve(text_buffer *text, size_t more);
extern void text_add(text_buffer *text, const char *data, size_t size);
extern void text_print(text_buffer *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes. */
extern void text_add_json(text_buffer *text, const char *value);

/* Lasts until the program ends. */
extern char *
keep_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* End the program with a message where no memory is left. */
extern void *memory_new(size_t size); /* zeroed */
extern void *memory_resize(void *block, size_t n_items, size_t item_size);

#endif
