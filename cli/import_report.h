/*
 * import_report.h
 *	  What an import did, for people or as JSON.
 */
#ifndef CLI_IMPORT_REPORT_H
#define CLI_IMPORT_REPORT_H

#include "import.h"

extern void import_report(const import_job *job, double seconds);
extern void import_report_json(const import_job *job, double seconds);

#endif
