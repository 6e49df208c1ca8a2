/*
 * result.h
 *	  Rows of a query as a plain table for people.
 */
#ifndef CLI_RESULT_H
#define CLI_RESULT_H

#include <libpq-fe.h>

/* On stdout, each line after the indent; numbers to the right. */
extern void result_print(const PGresult *result, const char *indent);

#endif
