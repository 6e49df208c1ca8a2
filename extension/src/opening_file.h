/*
 * opening_file.h
 *	  Openings of test rows whose transaction is gone, until they are rows.
 */
#ifndef CEREBRO_OPENING_FILE_H
#define CEREBRO_OPENING_FILE_H

#include "opening.h"

/* A file that is being written; it is found by others once it is closed.
   Nothing here fails by ereport: it is called while a transaction aborts. */
typedef struct OpeningFile
{
	int fd;
	int n_openings;
	char path[MAXPGPATH];
} OpeningFile;

extern bool opening_file_start(OpeningFile *file);
extern bool opening_file_add(OpeningFile *file, const Opening *opening);
extern bool opening_file_close(OpeningFile *file);

/* Paths of this database's files. */
extern List *opening_file_list(void);
/* How many there are in the file, in order; *openings is palloc'd. */
extern int opening_file_read(const char *path, Opening **openings);

#endif
