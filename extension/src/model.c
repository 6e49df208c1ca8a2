/*
 * model.c
 *	  Archived models in memory: parts -> cer_model, kept per backend.
 *
 * A model never changes once it is stored, so what is kept never becomes
 * wrong; a dropped model is no longer found by model_find, without which
 * nobody asks for it here.  What is kept is bounded by cerebro.model_memory:
 * the model that was used longest ago goes first.  Users borrow a model until
 * a memory context of theirs goes away.
 */
#include "cerebro_pg.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "content.h"
#include "fe.h"
#include "model_copy.h"
#include "model_rows.h"

/* Of the setting: what keeps rows of tensors that are above it, for scores and
 * for their reasons. */
#define CACHE_SHARE         4
#define EXPLAIN_CACHE_SHARE 16

typedef struct CachedModel
{
	dlist_node node; /* in order of use, the latest first */
	Oid table;       /* cerebro.model: another one after a re-installation */
	int32 id;
	cer_weight_layout layout; /* of its weights */
	MemoryContext context;
	const cer_model *model;
	cer_explainer *explainer; /* or NULL: nobody asked for it */
	ModelRows *explained;     /* what it lacks, or NULL */
	Size size;                /* bytes */
	int n_users;
} CachedModel;

typedef struct ModelUse
{
	CachedModel *cached;
	MemoryContextCallback callback;
} ModelUse;

static dlist_head models = DLIST_STATIC_INIT(models);
static Size models_size; /* bytes of all cached models */
static int model_memory; /* setting, in kB */

void
model_init(void)
{
	DefineCustomIntVariable(
		"cerebro.model_memory",
		"Memory that a session may use to keep models that it scores with.",
		NULL, &model_memory, 256 * 1024, 64, MAX_KILOBYTES, PGC_USERSET,
		GUC_UNIT_KB, NULL, NULL, NULL);
}

Size
model_get_free_memory(void)
{
	Size limit = (Size) model_memory * 1024;

	return limit > models_size ? limit - models_size : 0;
}

/* ---------------------------------------------------------------- rights */

bool
model_find(int32 id, Model *model)
{
	ArchiveScan *scan = archive_scan_by_id("model", id);
	bool found = archive_scan_next(scan);
	bool is_null;
	Datum query;

	if (found)
	{
		model->id = id;
		model->layout = CER_LAYOUT_FP32;
		model->has_owner_rights = false;
		model->reader = InvalidOid;
		model->task = DatumGetInt32(archive_scan_get(scan, "task", NULL));
		model->data_version =
			DatumGetInt32(archive_scan_get(scan, "data_version", NULL));
		model->owner = DatumGetObjectId(archive_scan_get(scan, "owner", NULL));
		model->n_weights =
			DatumGetInt64(archive_scan_get(scan, "n_weights", NULL));
		query = archive_scan_get(scan, "query", &is_null);
		model->query = is_null ? NULL : TextDatumGetCString(query);
	}
	archive_scan_end(scan);
	return found;
}

static const char *const right_names[] = {
	[RIGHT_USE] = "use", [RIGHT_READ] = "read", [RIGHT_OWN] = "own"};

ModelRight
model_find_right(const char *name)
{
	for (int i = 0; i < lengthof(right_names); i++)
		if (pg_strcasecmp(right_names[i], name) == 0)
			return (ModelRight) i;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("there is no right \"%s\" on models", name),
	                errhint("Rights are use (predict), read (weights, lineage, "
	                        "comparisons, too) and own (all of it).")));
}

/* By membership in its owner, or by a grant; each right has those before it. */
static bool
has_right(const Model *model, Oid role, ModelRight right)
{
	bool has = owner_has(model->owner, role);
	ArchiveScan *scan;

	if (has)
		return true;
	scan = archive_scan_by_id("model_grant", model->id);
	while (!has && archive_scan_next(scan))
	{
		Oid granted = DatumGetObjectId(archive_scan_get(scan, "role", NULL));
		Datum name = archive_scan_get(scan, "privilege", NULL);

		has = is_member_of_role(role, granted) &&
		      model_find_right(TextDatumGetCString(name)) >= right;
	}
	archive_scan_end(scan);
	return has;
}

static void
check_right(const Model *model, Oid role, ModelRight right)
{
	if (has_right(model, role, right))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("permission denied for model %d", model->id),
	     errdetail("The model belongs to role \"%s\".",
	               owner_get_name(model->owner)),
	     errhint("Its owner can deploy the model and grant EXECUTE on the "
	             "function, or grant \"%s\" on it with cerebro.grant_model.",
	             right_names[right])));
}

void
model_check_right(const Model *model, Oid role)
{
	check_right(model, role, RIGHT_OWN);
}

void
model_report_missing(int32 id)
{
	ereport(ERROR,
	        (errcode(ERRCODE_UNDEFINED_OBJECT),
	         errmsg("model %d does not exist", id),
	         errhint("The view cerebro.models lists the models that you may "
	                 "use.")));
}

void
model_open_to(int32 id, ModelRight right, Model *model)
{
	if (!model_find(id, model))
		model_report_missing(id);
	check_right(model, GetUserId(), right);
}

bool
model_may_open(int32 id, ModelRight right)
{
	Model model;

	return model_find(id, &model) && has_right(&model, GetUserId(), right);
}

void
model_open(int32 id, Model *model)
{
	model_open_to(id, RIGHT_OWN, model);
}

/* ----------------------------------------------------------------- parts */

List *
model_read_parts(int32 id, unsigned kinds)
{
	return content_read_parts(archive_scan_by_id("model_part", id), kinds);
}

/* ----------------------------------------------------------------- cache */

static void
drop_cached(CachedModel *cached)
{
	dlist_delete(&cached->node);
	models_size -= cached->size;
	MemoryContextDelete(cached->context); /* cached itself lies in it */
}

/* Drops unused models, the one used longest ago first, until size more fit. */
static void
make_room(Size size)
{
	Size limit = (Size) model_memory * 1024;
	dlist_node *node =
		dlist_is_empty(&models) ? NULL : dlist_tail_node(&models);

	while (node != NULL && models_size + size > limit)
	{
		CachedModel *cached = dlist_container(CachedModel, node, node);

		node = dlist_has_prev(&models, node) ? dlist_prev_node(&models, node)
		                                     : NULL;
		if (cached->n_users == 0)
			drop_cached(cached);
	}
}

static void
check_size(int32 id, Size size)
{
	if (size <= (Size) model_memory * 1024)
		return;
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
	                errmsg("model %d needs %zu kB of memory", id, size / 1024),
	                errdetail("The setting cerebro.model_memory allows %d kB.",
	                          model_memory),
	                errhint("Raise cerebro.model_memory.")));
}

/* Takes a tensor whose rows may be read one by one, and should: the library
 * tells. */
static bool
leave_out(void *self, int32 ordinal, cer_part *part)
{
	Size size = sizeof(float);

	if (part->kind != CER_PART_TENSOR || part->n_dims != 2)
		return false;
	for (uint32 i = 0; i < part->n_dims; i++)
		if (part->dims[i] == 0 || part->dims[i] > MaxAllocHugeSize / size)
			return false;
		else
			size *= part->dims[i];
	if (size <= (Size) model_memory * 1024)
		return false;
	part->size = size;
	return true;
}

static Size
sum_parts(const cer_part *parts, int n_parts)
{
	Size size = 0;

	for (int i = 0; i < n_parts; i++)
		size += parts[i].size;
	return size;
}

static cer_part *
read_model_parts(int32 id, cer_weight_layout layout, int *n_parts)
{
	unsigned kinds = ~(1U << CER_PART_VALID_SCORES);
	List *list =
		layout == CER_LAYOUT_FP32
			? content_read_parts_by(archive_scan_by_id("model_part", id), kinds,
	                                leave_out, NULL)
			: copy_read_parts(id, kinds, layout);
	cer_part *parts = palloc(Max(list_length(list), 1) * sizeof(cer_part));

	*n_parts = list_length(list);
	for (int i = 0; i < *n_parts; i++)
		parts[i] = *(cer_part *) list_nth(list, i);
	return parts;
}

static cer_table_link *
list_links(int32 id, int *n)
{
	Model model;

	if (!model_find(id, &model))
		model_report_missing(id);
	return fe_list_links(model.query, n);
}

/* Of a model that has none yet, or its explainer. */
static void
make_of_parts(MemoryContext context, CachedModel *cached)
{
	cer_arena *arena = host_make_arena(context);
	cer_error err = {0};
	int n_parts;
	cer_part *parts = read_model_parts(cached->id, cached->layout, &n_parts);
	int n_links;
	cer_table_link *links = list_links(cached->id, &n_links);
	cer_model_copy copy = {
		.layout = cached->layout,
		.parts = parts,
		.n_parts = n_parts,
		.cache_size =
			(Size) model_memory * 1024 /
			(cached->model == NULL ? CACHE_SHARE : EXPLAIN_CACHE_SHARE),
		.n_links = n_links,
		.links = links};
	cer_status status =
		cached->model == NULL
			? cer_model_make_copy(arena, &copy, &cached->model, &err)
			: cer_explainer_make(arena, cached->model, &copy,
	                             &cached->explainer, &err);

	if (status == CER_TOO_BIG)
		check_size(cached->id, sum_parts(parts, n_parts));
	host_check(status, &err);
	cached->size += cer_arena_get_size(arena);
}

static void
tell_model(void *arg)
{
	errcontext("model %d", *(int32 *) arg);
}

/* Reads and builds in contexts of the transaction, so that errors free all;
 * made is a model, or one more thing of it. */
static void
build(MemoryContext context, CachedModel *made)
{
	MemoryContext work = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro model parts", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	ErrorContextCallback teller = {.callback = tell_model, .arg = &made->id};

	teller.previous = error_context_stack;
	error_context_stack = &teller;
	make_of_parts(context, made);
	if (made->explainer != NULL)
	{
		MemoryContextSwitchTo(context);
		made->explained = model_rows_make_explained(made->id, made->explainer);
	}
	MemoryContextSwitchTo(caller);
	error_context_stack = teller.previous;
	MemoryContextDelete(work);
	check_size(made->id, made->size);
}

static CachedModel *
load_model(Oid table, int32 id, cer_weight_layout layout)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "cerebro model", ALLOCSET_DEFAULT_SIZES);
	CachedModel *cached = MemoryContextAllocZero(context, sizeof(CachedModel));

	cached->table = table;
	cached->id = id;
	cached->layout = layout;
	cached->context = context;
	build(context, cached);
	if (models_size + cached->size > (Size) model_memory * 1024)
		score_forget();
	make_room(cached->size);
	MemoryContextSetParent(context, CacheMemoryContext);
	dlist_push_head(&models, &cached->node);
	models_size += cached->size;
	return cached;
}

static CachedModel *
find_cached(Oid table, int32 id, cer_weight_layout layout)
{
	dlist_iter iter;

	dlist_foreach(iter, &models)
	{
		CachedModel *cached = dlist_container(CachedModel, node, iter.cur);

		if (cached->id == id && cached->layout == layout &&
		    cached->table == table)
		{
			dlist_move_head(&models, &cached->node);
			return cached;
		}
	}
	return NULL;
}

static void
end_use(void *arg)
{
	ModelUse *use = arg;

	use->cached->n_users--;
}

const cer_model *
model_borrow(MemoryContext context, int32 id)
{
	return model_borrow_copy(context, id, CER_LAYOUT_FP32);
}

const cer_model *
model_borrow_copy(MemoryContext context, int32 id, cer_weight_layout layout)
{
	ModelUse *use = MemoryContextAlloc(context, sizeof(ModelUse));
	Oid table = archive_get_relid("model");

	use->cached = find_cached(table, id, layout);
	if (use->cached == NULL)
		use->cached = load_model(table, id, layout);
	use->cached->n_users++;
	use->callback.func = end_use;
	use->callback.arg = use;
	MemoryContextRegisterResetCallback(context, &use->callback);
	return use->cached->model;
}

static CachedModel *
make_explainer(int32 id, cer_weight_layout layout)
{
	CachedModel *cached = find_cached(archive_get_relid("model"), id, layout);
	MemoryContext context;
	CachedModel made;

	if (cached == NULL)
		elog(ERROR, "model %d is not borrowed", id);
	if (cached->explainer != NULL)
		return cached;
	context = AllocSetContextCreate(CurrentMemoryContext, "cerebro explainer",
	                                ALLOCSET_DEFAULT_SIZES);
	made = *cached;
	build(context, &made);
	make_room(made.size - cached->size);
	MemoryContextSetParent(context, cached->context);
	models_size += made.size - cached->size;
	cached->size = made.size;
	cached->explainer = made.explainer;
	cached->explained = made.explained;
	return cached;
}

cer_explainer *
model_get_explainer(int32 id, cer_weight_layout layout, ModelRows **rows)
{
	const CachedModel *cached = make_explainer(id, layout);

	*rows = cached->explained;
	return cached->explainer;
}
