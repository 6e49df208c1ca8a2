/*
 * import_command.h
 *	  The import for other verbs.
 */
#ifndef CLI_IMPORT_COMMAND_H
#define CLI_IMPORT_COMMAND_H

#include "cli.h"

/* Imports the files that call->argv names, with default options. */
extern exit_code import_into_schema(const invocation *call, const char *schema);

#endif
