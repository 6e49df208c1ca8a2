/*
 * fe_reader.h
 *	  With whose rights a model's query reads other tables.
 */
#ifndef CEREBRO_FE_READER_H
#define CEREBRO_FE_READER_H

#include "cerebro_pg.h"

/* Who was the user before. */
typedef struct FeReader
{
	bool is_lent; /* somebody else is the user now */
	Oid user;
	int security;
} FeReader;

/* The role becomes the user, unless it is InvalidOid, or is it already. */
extern FeReader fe_reader_enter(Oid role);
extern void fe_reader_leave(const FeReader *reader);
/* Work whose errors may tell of rows that the user before may not see. */
extern void fe_reader_do(const Task *task, void (*work)(void *), void *self);

#endif
