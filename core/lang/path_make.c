/*
 * lang/path_make.c
 *	  The path of a node.
 */
#include "lang/change.h"

#include "base/text.h"

static cer_status
append_name(cer_arena *arena, cer_ast *path, cer_text name, cer_error *err)
{
	cer_ast *step = cer_ast_make(arena, CER_AST_PATH_STEP, (cer_place){0, 0});

	if (step == NULL)
		return cer_fail_memory(err, sizeof(*step));
	step->name = name;
	cer_ast_append(path, step);
	return CER_OK;
}

static cer_status
append_index(cer_arena *arena, cer_ast *path, size_t index, cer_error *err)
{
	cer_ast *step = cer_ast_make(arena, CER_AST_PATH_STEP, (cer_place){0, 0});

	if (step == NULL)
		return cer_fail_memory(err, sizeof(*step));
	step->number = (double) index;
	cer_ast_append(path, step);
	return CER_OK;
}

static cer_status
copy_path(cer_arena *arena, const cer_ast *path, cer_ast **copy, cer_error *err)
{
	*copy = cer_ast_copy(arena, path);
	return *copy ? CER_OK : cer_fail_memory(err, sizeof(**copy));
}

cer_status
cer_path_of_names(cer_arena *arena, const char *section, cer_text name,
                  cer_text name2, cer_ast **path, cer_error *err)
{
	cer_ast *made = cer_ast_make(arena, CER_AST_PATH, (cer_place){0, 0});

	if (made == NULL)
		return cer_fail_memory(err, sizeof(*made));
	CER_TRY(append_name(arena, made, cer_text_of(section), err));
	if (name.size > 0)
		CER_TRY(append_name(arena, made, name, err));
	if (name2.size > 0)
		CER_TRY(append_name(arena, made, name2, err));
	*path = made;
	return CER_OK;
}

cer_status
cer_path_extend(cer_arena *arena, const cer_ast *path, cer_text name,
                cer_ast **longer, cer_error *err)
{
	cer_ast *copy;

	CER_TRY(copy_path(arena, path, &copy, err));
	CER_TRY(append_name(arena, copy, name, err));
	*longer = copy;
	return CER_OK;
}

/* --------------------------------------------------------------- search */

/* The list that has node, below ast; its calls on the way are kept. */
typedef struct trail
{
	const cer_ast *calls[64]; /* from the outermost */
	size_t n;
} trail;

static bool
find_node(const cer_ast *ast, const cer_ast *node, trail *way)
{
	if (way->n == sizeof(way->calls) / sizeof(way->calls[0]))
		return false;
	way->calls[way->n++] = ast;
	for (const cer_ast *child = ast->first; child; child = child->next)
		if (child == node || find_node(child, node, way))
			return true;
	way->n--;
	return false;
}

/* Which layer of its name node is, and how many there are. */
static size_t
count_layers(const cer_ast *list, const cer_ast *node, size_t *ordinal)
{
	size_t n = 0;

	for (const cer_ast *child = list->first; child; child = child->next)
	{
		size_t below = 0;

		if (child->kind == CER_AST_CHAIN)
		{
			size_t before = n;

			n += count_layers(child, node, &below);
			if (below > 0)
				*ordinal = before + below;
		}
		else if (child->kind == CER_AST_CALL &&
		         cer_text_equals(child->name, node->name))
		{
			n++;
			if (child == node)
				*ordinal = n;
		}
	}
	return n;
}

static size_t
get_index(const cer_ast *list, const cer_ast *node)
{
	size_t n = 1;

	for (const cer_ast *child = list->first; child != node; child = child->next)
		n += child->kind != CER_AST_NAMED;
	return n;
}

/* The argument that a number without a name is for. */
static const cer_arg *
find_arg(const cer_ast *call, size_t index)
{
	const cer_word *word =
		call->kind == CER_AST_CALL ? cer_call_get_word(call) : NULL;

	for (size_t i = 0; word && i < word->n_args; i++)
		if (cer_arg_is_list(&word->args[i]) ||
		    (i + 1 == index && cer_arg_is_positional(word, &word->args[i])))
			return &word->args[i];
	return NULL;
}

/* From a section or call, over chains, to a layer. */
static cer_status
append_layer(cer_arena *arena, cer_ast *path, const cer_ast *from,
             const cer_ast *node, cer_error *err)
{
	size_t ordinal = 0;
	size_t n = count_layers(from, node, &ordinal);

	CER_TRY(append_name(arena, path, node->name, err));
	return n > 1 ? append_index(arena, path, ordinal, err) : CER_OK;
}

static cer_status
append_argument(cer_arena *arena, cer_ast *path, const cer_arg *arg,
                size_t index, cer_error *err)
{
	CER_TRY(append_name(arena, path, cer_text_of(arg->name), err));
	return cer_arg_is_list(arg) ? append_index(arena, path, index, err)
	                            : CER_OK;
}

/* What is no call is counted among arguments; an index after a name would
 * count what has that name, so that one stands between. */
static cer_status
append_element(cer_arena *arena, cer_ast *path, const cer_ast *list,
               const cer_ast *node, cer_error *err)
{
	size_t index = get_index(list, node);
	const cer_arg *arg = find_arg(list, index);

	if (node->kind == CER_AST_NUMBER && arg != NULL)
		return append_argument(arena, path, arg, index, err);
	if (path->first != path->last && path->last->name.size > 0)
		CER_TRY(append_index(arena, path, 1, err));
	return append_index(arena, path, index, err);
}

/* Chains are looked through where a layer has a name, else counted too. */
static cer_status
append_last(cer_arena *arena, cer_ast *path, const trail *way,
            const cer_ast *node, cer_error *err)
{
	const cer_ast *list = way->calls[way->n - 1];

	if (list->kind == CER_AST_CHAIN && way->n > 1)
		CER_TRY(append_element(arena, path, way->calls[way->n - 2], list, err));
	return append_element(arena, path, list, node, err);
}

/* Calls on the way, and nothing else, have names in the path. */
static cer_status
append_calls(cer_arena *arena, cer_ast *path, const cer_draft *draft,
             const trail *way, cer_error *err)
{
	const cer_ast *from = draft->as;

	for (size_t i = 1; i < way->n; i++)
	{
		if (way->calls[i]->kind != CER_AST_CALL)
			continue;
		CER_TRY(append_layer(arena, path, from, way->calls[i], err));
		from = way->calls[i];
	}
	return CER_OK;
}

/* The last of the trail that is no chain. */
static const cer_ast *
get_last_call(const trail *way)
{
	size_t i = way->n - 1;

	while (i > 0 && way->calls[i]->kind != CER_AST_CALL)
		i--;
	return way->calls[i];
}

cer_status
cer_path_make(cer_arena *arena, const cer_draft *draft, const cer_ast *node,
              cer_ast **path, cer_error *err)
{
	trail way = {.n = 0};
	cer_text none = {NULL, 0};
	cer_ast *made;

	if (node->kind != CER_AST_CALL)
		return cer_path_make_index(arena, draft, node, path, err);
	CER_TRY(cer_path_of_names(arena, "as", none, none, &made, err));
	if (find_node(draft->as, node, &way))
	{
		CER_TRY(append_calls(arena, made, draft, &way, err));
		CER_TRY(append_layer(arena, made, get_last_call(&way), node, err));
	}
	*path = made;
	return CER_OK;
}

cer_status
cer_path_make_index(cer_arena *arena, const cer_draft *draft,
                    const cer_ast *node, cer_ast **path, cer_error *err)
{
	trail way = {.n = 0};
	cer_text none = {NULL, 0};
	cer_ast *made;

	CER_TRY(cer_path_of_names(arena, "as", none, none, &made, err));
	if (find_node(draft->as, node, &way))
	{
		CER_TRY(append_calls(arena, made, draft, &way, err));
		CER_TRY(append_last(arena, made, &way, node, err));
	}
	*path = made;
	return CER_OK;
}
