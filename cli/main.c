/*
 * main.c
 *	  The program `cerebro`: finds the verb in the command table, reads its
 *	  options, runs it.
 */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const command *const commands[] = {
	&start_command, &stop_command,   &status_command,
	&sql_command,   &import_command, &demo_command,
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

#define GLOBAL(field) offsetof(global_options, field)

const option_row global_option_rows[] = {
	{"connect", 0, "CONNINFO", "use this server (libpq string or URI)",
     OPTION_TEXT, GLOBAL(connect)},
	{"home", 0, "DIR", "folder of the private server", OPTION_TEXT,
     GLOBAL(home)},
	{"json", 0, NULL, "print the result as JSON", OPTION_FLAG, GLOBAL(is_json)},
	{"quiet", 'q', NULL, "print results and errors only", OPTION_FLAG,
     GLOBAL(is_quiet)},
	{"help", 'h', NULL, "print this and leave", OPTION_FLAG, GLOBAL(help)},
	{"version", 'V', NULL, "print the version and leave", OPTION_FLAG,
     GLOBAL(version)},
	{0}};

static void
print_help(void)
{
	printf("CEREBRO: deep neural networks over relational data, inside "
	       "PostgreSQL.\n\nUsage: cerebro [OPTION]… COMMAND [ARGUMENT]…\n\n"
	       "Commands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-26s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions (before or after the command):\n");
	options_print(global_option_rows, NULL);
	printf("\nWithout --connect the program keeps a private PostgreSQL server "
	       "in a folder of\nits own, made at first use: --home, else "
	       "$CEREBRO_HOME, else $XDG_DATA_HOME/cerebro\n"
	       "(~/.local/share/cerebro); for root /var/lib/cerebro, run as user "
	       "postgres.\n\nExit status: 0 done, 1 failed, 2 wrong usage, 3 no "
	       "server or connection lost,\n130 stopped by Ctrl-C; `cerebro sql` "
	       "ends as psql does.\n\n`cerebro COMMAND --help` tells more about "
	       "a command.\n");
}

static void
print_command_help(const command *verb)
{
	printf("%s\n\nUsage: cerebro %s [OPTION]…%s%s\n\nOptions:\n", verb->summary,
	       verb->name, verb->arguments[0] != 0 ? " " : "", verb->arguments);
	options_print(verb->options, NULL);
	if (!verb->takes_any_option) /* the first global one is --connect */
		options_print(global_option_rows + verb->is_private,
		              verb->is_story ? "json" : NULL);
	if (verb->details != NULL)
		printf("\n%s", verb->details);
}

static const command *
find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Where the verb stands: after global options and their values. */
static int
find_verb(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--connect") == 0 || strcmp(argv[i], "--home") == 0)
			i++;
		else if (argv[i][0] != '-')
			return i;
	}
	return argc;
}

static int
run_command(invocation *call)
{
	const command *verb = call->command;
	void *values = memory_new(verb->values_size);
	int code = EXIT_USAGE;

	if (!verb->takes_any_option)
	{
		/* getopt wants a program name in front */
		call->argc++;
		call->argv--;
		if (!options_parse(verb->options, values, &call->global, &call->argc,
		                   call->argv))
		{
			message_hint("`cerebro %s --help` lists the options.", verb->name);
			goto done;
		}
	}
	else if (call->argc > 0 && strcmp(call->argv[0], "--help") == 0)
		call->global.help = true;
	message_start(call->global.is_quiet);
	code = EXIT_OK;
	if (call->global.help)
		print_command_help(verb);
	else if (call->global.version)
		printf("cerebro %s\n", CER_VERSION);
	else
		code = verb->run(call, values);
done:
	free(values);
	return code;
}

/* Nothing follows the global options. */
static int
run_without_command(const global_options *global)
{
	if (global->version)
		printf("cerebro %s\n", CER_VERSION);
	else if (global->help)
		print_help();
	else
	{
		message_error("no command given");
		message_hint("`cerebro demo` shows what it is for; `cerebro --help` "
		             "lists the commands.");
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* A result that nobody received is a failure. */
static int
close_stdout(int code)
{
	if ((ferror(stdout) || fflush(stdout) != 0) && code == EXIT_OK)
	{
		message_error("could not write the result: %m");
		return EXIT_FAILED;
	}
	return code;
}

int
main(int argc, char **argv)
{
	int at = find_verb(argc, argv);
	invocation call = {
		.program = argv[0], .argc = argc - at - 1, .argv = argv + at + 1};
	int n_before = at;
	char *verb = at < argc ? argv[at] : NULL;

	signal(SIGPIPE, SIG_IGN);
	argv[at] = NULL;
	if (!options_parse(NULL, NULL, &call.global, &n_before, argv))
	{
		message_hint("`cerebro --help` lists the options.");
		return EXIT_USAGE;
	}
	if (verb == NULL)
		return close_stdout(run_without_command(&call.global));
	argv[at] = verb;
	call.command = find_command(verb);
	if (call.command == NULL)
	{
		message_error("unknown command \"%s\"", verb);
		message_hint("`cerebro --help` lists the commands.");
		return EXIT_USAGE;
	}
	return close_stdout(run_command(&call));
}
