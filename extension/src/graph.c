/*
 * graph.c
 *	  cerebro.graph and cerebro.graph_svg: the network of a triple, over a
 *	  task's rows or alone, and that of a model, as rows and as a picture.
 *
 * For a task the training rows are read and the encoders fitted, so that widths
 * and counts are those that a training would have; of very many rows a sample
 * by key is read, which may know fewer values than all of them.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "executor/spi.h"

#include "ensemble.h"
#include "fe.h"
#include "structure.h"
#include "type.h"

#define MAX_CELLS 5.0e7 /* rows by columns that are held at once */

PG_FUNCTION_INFO_V1(cerebro_graph_mst);
PG_FUNCTION_INFO_V1(cerebro_graph_model);
PG_FUNCTION_INFO_V1(cerebro_graph_svg_mst);
PG_FUNCTION_INFO_V1(cerebro_graph_svg_model);

/* ------------------------------------------------------------------- rows */

/* Rows of the task's newest data version. */
static double
get_n_rows(const Task *task)
{
	Datum values[] = {Int32GetDatum(task->id)};
	ArchiveScope scope;
	int64 n = 0;
	bool is_null;

	archive_enter(&scope);
	SPI_execute_with_args("SELECT n_rows FROM cerebro.data_version "
	                      "WHERE task = $1 ORDER BY id DESC LIMIT 1",
	                      1, (Oid[]){INT4OID}, values, NULL, true, 1);
	if (SPI_processed > 0)
		n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
		                                SPI_tuptable->tupdesc, 1, &is_null));
	archive_leave(&scope);
	return (double) n;
}

static cer_dataset *
read_dataset(const Features *features, const cer_host *host)
{
	const Task *task = features->task;
	ReadPlan *plan = read_plan_make(task, task_analyze(task), features->inputs,
	                                features->n_inputs, 1u << CER_TRAIN);
	double cells = get_n_rows(task) * (double) Max(1, plan->n_inputs);

	plan->is_own = features->query == NULL;
	plan->share = cells > MAX_CELLS ? MAX_CELLS / cells : 1.0;
	return task_read_dataset(task, plan, host);
}

/* --------------------------------------------------------------- outlines */

static const cer_outline *
outline_over_task(const cer_mst *mst, const char *name)
{
	const Task *task = task_find(name);
	int level = settings_enter(task);
	const Features *features = fe_make(task, mst, true);
	cer_arena *arena = host_make_arena(CurrentMemoryContext);
	cer_host host = host_make();
	cer_dataset *dataset = read_dataset(features, &host);
	const cer_outline *outline;
	const cer_plan *plan;
	cer_error err = {0};

	settings_leave(level);
	host_check_mst(cer_plan_make(arena, mst, features->columns,
	                             features->n_columns, &plan, &err),
	               &err, mst);
	host_check_mst(
		cer_outline_make(arena, &host, mst, plan, dataset, &outline, &err),
		&err, mst);
	cer_dataset_free(dataset);
	return outline;
}

static char *
get_triple(FunctionCallInfo fcinfo)
{
	return text_to_cstring(DatumGetTextPP(PG_GETARG_DATUM(0)));
}

/* Of a triple, over a task's rows unless that is NULL. */
static const cer_outline *
outline_triple(FunctionCallInfo fcinfo)
{
	const cer_mst *mst = structure_parse(get_triple(fcinfo));
	const cer_outline *outline;
	cer_error err = {0};

	if (!PG_ARGISNULL(1))
		return outline_over_task(mst, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	host_check_mst(
		cer_outline_make_of_mst(host_make_arena(CurrentMemoryContext), mst,
	                            &outline, &err),
		&err, mst);
	return outline;
}

static const cer_outline *
outline_model(int32 id, Model *model)
{
	const cer_outline *outline;
	cer_part *parts;
	List *list;
	cer_error err = {0};

	model_open_to(id, RIGHT_READ, model);
	ensemble_check_none(model);
	list = model_read_parts(id, 1u << CER_PART_HEADER | 1u << CER_PART_ENCODER);
	parts = palloc(Max(1, list_length(list)) * sizeof(cer_part));
	for (int i = 0; i < list_length(list); i++)
		parts[i] = *(cer_part *) list_nth(list, i);
	host_check(cer_outline_make_of_parts(host_make_arena(CurrentMemoryContext),
	                                     parts, list_length(list), &outline,
	                                     &err),
	           &err);
	return outline;
}

/* ------------------------------------------------------------------- rows */

static Datum
make_text(cer_text text)
{
	return PointerGetDatum(
		cstring_to_text_with_len(text.data, (int) text.size));
}

static Datum
list_inputs(const cer_outline_node *node)
{
	Datum *values = palloc((node->n_inputs + 1) * sizeof(Datum));

	for (size_t i = 0; i < node->n_inputs; i++)
		values[i] = Int32GetDatum((int32) node->inputs[i] + 1);
	return PointerGetDatum(construct_array(values, (int) node->n_inputs,
	                                       INT4OID, sizeof(int32), true,
	                                       TYPALIGN_INT));
}

static Datum
list_tensors(const cer_outline_node *node)
{
	Datum *values = palloc((node->n_tensors + 1) * sizeof(Datum));

	for (size_t i = 0; i < node->n_tensors; i++)
		values[i] = make_text(node->tensors[i]);
	return PointerGetDatum(construct_array(values, (int) node->n_tensors,
	                                       TEXTOID, -1, false, TYPALIGN_INT));
}

/* node, inputs, operator, path, detail, shape, parameters, formula, tensors */
static void
put_node(ReturnSetInfo *result, const cer_outline_node *node, int number)
{
	Datum values[] = {
		Int32GetDatum(number),
		list_inputs(node),
		make_text(node->operation),
		make_text(node->path),
		make_text(node->detail),
		make_text(node->shape),
		Int64GetDatum((int64) node->n_parameters),
		make_text(node->formula),
		list_tensors(node),
	};
	bool nulls[] = {
		false,
		false,
		false,
		node->path.size == 0,
		node->detail.size == 0,
		false,
		node->is_open,
		!node->is_open,
		false,
	};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Datum
return_nodes(FunctionCallInfo fcinfo, const cer_outline *outline)
{
	InitMaterializedSRF(fcinfo, 0);
	for (size_t i = 0; i < outline->n_nodes; i++)
		put_node((ReturnSetInfo *) fcinfo->resultinfo, &outline->nodes[i],
		         (int) i + 1);
	PG_RETURN_NULL();
}

/* graph(mst, task) */
Datum
cerebro_graph_mst(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		return return_nodes(fcinfo, &(cer_outline){0});
	return return_nodes(fcinfo, outline_triple(fcinfo));
}

/* graph(model) */
Datum
cerebro_graph_model(PG_FUNCTION_ARGS)
{
	Model model;

	return return_nodes(fcinfo, outline_model(PG_GETARG_INT32(0), &model));
}

/* ---------------------------------------------------------------- picture */

static Datum
return_picture(const cer_outline *outline, const char *title)
{
	cer_text svg;
	cer_error err = {0};

	host_check(cer_outline_draw(host_make_arena(CurrentMemoryContext), outline,
	                            host_text(title), &svg, &err),
	           &err);
	return make_text(svg);
}

/* graph_svg(mst, task) */
Datum
cerebro_graph_svg_mst(PG_FUNCTION_ARGS)
{
	const char *title;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	title = get_triple(fcinfo);
	if (!PG_ARGISNULL(1))
		title =
			psprintf("%s: %s", text_to_cstring(PG_GETARG_TEXT_PP(1)), title);
	return return_picture(outline_triple(fcinfo), title);
}

/* graph_svg(model) */
Datum
cerebro_graph_svg_model(PG_FUNCTION_ARGS)
{
	Model model;
	const cer_outline *outline = outline_model(PG_GETARG_INT32(0), &model);

	return return_picture(outline, psprintf("model %d", PG_GETARG_INT32(0)));
}
