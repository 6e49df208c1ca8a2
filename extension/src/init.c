/*
 * init.c
 *	  Loading the library: one call per module.
 */
#include "index.h"
#include "read_block.h"
#include "scan.h"

#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	query_init();
	row_node_init();
	source_init();
	progress_init();
	job_init();
	train_init();
	model_init();
	opening_init();
	score_init();
	scan_init();
	index_init();
	MarkGUCPrefixReserved("cerebro");
}
