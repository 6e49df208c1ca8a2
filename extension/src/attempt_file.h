/*
 * attempt_file.h
 *	  Writing an attempt's file, for the process that makes the attempt.
 */
#ifndef CEREBRO_ATTEMPT_FILE_H
#define CEREBRO_ATTEMPT_FILE_H

#include "attempt.h"

/* Before each write: a new serial at both ends. */
extern void attempt_record_stamp(AttemptRecord *record);
extern void attempt_file_write(const AttemptRecord *record, const char *triple);

#endif
