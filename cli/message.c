/*
 * message.c
 *	  What the program says to people: `cerebro: error: …`, with detail and
 *	  hint lines below, in colour on a terminal unless NO_COLOR is set.
 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool quiet;

void
message_start(bool is_quiet)
{
	quiet = is_quiet;
}

static bool
has_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return (no_color == NULL || *no_color == '\0') && isatty(fd) &&
	       (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

const char *
message_get_style(int fd, message_style style)
{
	static const char *const codes[] = {
		[STYLE_PLAIN] = "\033[0m",  [STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",    [STYLE_RED] = "\033[1;31m",
		[STYLE_GREEN] = "\033[32m", [STYLE_CYAN] = "\033[36m",
	};

	return has_colour(fd) ? codes[style] : "";
}

static void
print_message(const char *label, message_style style, const char *format,
              va_list arguments)
{
	int error = errno; /* for %m, and for who asks after the message */
	char *text;
	int size;

	fflush(stdout);
	fprintf(stderr, "cerebro: ");
	if (label != NULL)
		fprintf(stderr, "%s%s:%s ", message_get_style(STDERR_FILENO, style),
		        label, message_get_style(STDERR_FILENO, STYLE_PLAIN));
	errno = error;
	size = vasprintf(&text, format, arguments);
	/* what libpq and pg_ctl say ends in line ends */
	while (size > 0 && text[size - 1] == '\n')
		size--;
	fprintf(stderr, "%.*s\n", size < 0 ? 0 : size, size < 0 ? "" : text);
	if (size >= 0)
		free(text);
	errno = error;
}

void
message_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message("error", STYLE_RED, format, arguments);
	va_end(arguments);
}

void
message_detail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message("detail", STYLE_BOLD, format, arguments);
	va_end(arguments);
}

void
message_hint(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message("hint", STYLE_CYAN, format, arguments);
	va_end(arguments);
}

void
message_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_message("warning", STYLE_BOLD, format, arguments);
	va_end(arguments);
}

void
message_note(const char *format, ...)
{
	va_list arguments;

	if (quiet)
		return;
	va_start(arguments, format);
	print_message(NULL, STYLE_PLAIN, format, arguments);
	va_end(arguments);
}
