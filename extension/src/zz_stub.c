#include "cerebro_pg.h"
#include "utils/builtins.h"
#include "nodes/nodeFuncs.h"
PG_FUNCTION_INFO_V1(debug_read);
static int64 nv;
static void
ch(void *s, const cer_chunk *c)
{
}
static void
va(void *s, size_t i, uint32 f, const cer_text *v, size_t n)
{
	nv += n;
}
Datum
debug_read(PG_FUNCTION_ARGS)
{
	Task *task = task_find(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	int level = settings_enter(task);
	Query *q = task_analyze(task);
	size_t cols[200];
	int n = 0;
	cer_column *c = task_get_columns(task, q);
	RowSink sink = {.chunk = ch, .values = va};
	ReadStats st;
	ReadPlan *plan;
	for (int i = 0; i < task->n_columns; i++)
		if (c[i].is_in_star && n < PG_GETARG_INT32(1))
			cols[n++] = i;
	plan = read_plan_make(task, q, cols, n, 3);
	settings_leave(level);
	task_read(task, plan, &sink, &st);
	elog(NOTICE, "%d inputs %.3f s, %ld values", n, st.seconds, nv);
	nv = 0;
	PG_RETURN_VOID();
}
#include <sys/resource.h>
PG_FUNCTION_INFO_V1(debug_cpu);
Datum
debug_cpu(PG_FUNCTION_ARGS)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	PG_RETURN_FLOAT8(r.ru_utime.tv_sec + r.ru_utime.tv_usec / 1e6 +
	                 r.ru_stime.tv_sec + r.ru_stime.tv_usec / 1e6);
}
