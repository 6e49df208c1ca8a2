/*
 * lang/path_find.c
 *	  From a path to the spot of a draft that it leads to, and back.
 *
 *	 AS					 the whole structure
 *	 AS.dense[2]		 the second layer called dense of the chain
 *	 AS.mlp.units[1]	 the first of the widths that mlp lists
 *	 AS.concat[1][2]	 the second argument of the first concat
 *	 AS.tabm.members	 an argument with a name
 *	 PT.lr, PT.optimizer, FE.planes, FE.planes.year
 *
 * A chain within a structure is looked through: its layers count as layers of
 * what the chain stands in.  An index after a name counts what has that name;
 * after anything else it counts arguments without names.
 */
#include "lang/change.h"

#include "base/text.h"
#include "lang/mst.h"
#include "lang/suggest.h"

#define MAX_INDEX 1000000

/* A path that is being followed. */
typedef struct walk
{
	cer_draft *draft;
	const cer_ast *path;
	const cer_ast *step; /* the next */
	cer_ast *list;       /* what has the node in hand in its list */
	cer_ast *node;       /* the node in hand: a section, a call, a value */
	cer_error *err;
} walk;

/* --------------------------------------------------------------- errors */

/* The path as far as it was followed, for a message. */
static cer_text
show_path(const walk *w, const cer_ast *upto)
{
	cer_ast shown = {.kind = CER_AST_PATH};
	cer_text text = {"the path", 8};

	for (const cer_ast *step = w->path->first; step != upto; step = step->next)
	{
		cer_ast *copy = cer_ast_copy(w->draft->arena, step);

		if (copy == NULL)
			return text;
		cer_ast_append(&shown, copy);
	}
	cer_ast_print(w->draft->arena, &shown, &text, NULL);
	return text;
}

static void
offer_arguments(cer_suggestion *suggestion, const cer_word *word)
{
	for (size_t i = 0; word != NULL && i < word->n_args; i++)
		cer_suggestion_offer(suggestion, cer_text_of(word->args[i].name));
}

/* Names of layers, chains looked through. */
static void
offer_layers(cer_suggestion *suggestion, const cer_ast *list)
{
	for (const cer_ast *child = list->first; child; child = child->next)
		if (child->kind == CER_AST_CHAIN)
			offer_layers(suggestion, child);
		else if (child->kind == CER_AST_CALL)
			cer_suggestion_offer(suggestion, child->name);
}

/* What the step could have meant: names of what is there, and of settings. */
static void
suggest_step(const walk *w)
{
	const cer_word *word = NULL;
	cer_suggestion suggestion;

	if (w->step->name.size == 0)
		return;
	cer_suggestion_init(&suggestion, w->step->name);
	if (w->node->kind == CER_AST_CALL)
		word = cer_call_get_word(w->node);
	if (w->step == w->path->first->next &&
	    cer_text_is(w->path->first->name, "pt"))
	{
		offer_arguments(&suggestion,
		                cer_schema_find(CER_WORD_SECTION, cer_text_of("PT")));
		word = cer_schema_find(CER_WORD_OPTIMIZER, w->node->name);
	}
	offer_arguments(&suggestion, word);
	offer_layers(&suggestion, w->node);
	cer_suggestion_hint(&suggestion, w->err);
}

/* A layer, or an argument of the call's own. */
static bool
has_below(const cer_ast *call, cer_text name)
{
	const cer_word *word =
		call->kind == CER_AST_CALL ? cer_call_get_word(call) : NULL;

	if (word != NULL && cer_word_find_arg(word, name) != NULL)
		return true;
	for (const cer_ast *child = call->first; child; child = child->next)
		if (child->kind == CER_AST_CALL && cer_text_equals(child->name, name))
			return true;
		else if (child->kind == CER_AST_CHAIN && has_below(child, name))
			return true;
	return false;
}

/* Of AS: what is meant stands a step further down, or is not written out. */
static void
suggest_way(const walk *w, const cer_ast *list, cer_text before)
{
	for (const cer_ast *call = list->first; call; call = call->next)
	{
		const cer_word *word =
			call->kind == CER_AST_CALL ? cer_call_get_word(call) : NULL;

		if (call->kind == CER_AST_CHAIN)
			suggest_way(w, call, before);
		else if (call->kind == CER_AST_CALL && has_below(call, w->step->name))
			cer_error_set_hint(w->err, "Perhaps you meant %.*s.%.*s.%.*s.",
			                   CER_SHOW(before), CER_SHOW(call->name),
			                   CER_SHOW(w->step->name));
		else if (word != NULL && word->body != NULL)
			cer_error_set_hint(w->err,
			                   "%.*s is one word, whose layers have no path; "
			                   "cerebro.expand writes them out.",
			                   CER_SHOW(call->name));
		if (w->err != NULL && w->err->hint[0] != '\0')
			return;
	}
}

static cer_status
fail_step(const walk *w)
{
	cer_text before = show_path(w, w->step);
	cer_text all = show_path(w, w->step->next);

	cer_fail(w->err, CER_UNKNOWN_NAME, "there is no %.*s in %.*s",
	         CER_SHOW(all), CER_SHOW(before));
	suggest_step(w);
	if (w->err != NULL && w->err->hint[0] == '\0' && w->step->name.size > 0 &&
	    cer_text_is(w->path->first->name, "as"))
		suggest_way(w, w->node, before);
	return CER_UNKNOWN_NAME;
}

static cer_status
fail_end(const walk *w, const char *why)
{
	cer_text all = show_path(w, NULL);

	return cer_fail(w->err, CER_BAD_VALUE, "%.*s %s", CER_SHOW(all), why);
}

/* --------------------------------------------------------------- AS */

/* Layers of a name, in the order in which they are written. */
static size_t
find_layer(cer_ast *list, cer_text name, size_t ordinal, walk *found)
{
	size_t n = 0;

	for (cer_ast *child = list->first; child; child = child->next)
	{
		if (child->kind == CER_AST_CHAIN)
			n += find_layer(child, name, ordinal > n ? ordinal - n : 0, found);
		else if (child->kind == CER_AST_CALL &&
		         cer_text_equals(child->name, name) && ++n == ordinal)
		{
			found->list = list;
			found->node = child;
		}
	}
	return n;
}

static cer_ast *
find_child(const cer_ast *list, size_t ordinal)
{
	for (cer_ast *child = list->first; child; child = child->next)
		if (child->kind != CER_AST_NAMED && --ordinal == 0)
			return child;
	return NULL;
}

/* Of what no list is as long as, one beyond it. */
static size_t
clip_index(double number)
{
	return number < MAX_INDEX ? (size_t) number : MAX_INDEX;
}

/* An index that counts what the step in hand names; 0: there is none. */
static size_t
get_ordinal(const walk *w)
{
	const cer_ast *next = w->step->next;

	if (next == NULL || next->name.size > 0)
		return 0;
	return clip_index(next->number);
}

static cer_status
step_to_index(walk *w)
{
	cer_ast *child = find_child(w->node, clip_index(w->step->number));

	if (child == NULL)
		return fail_step(w);
	w->list = w->node;
	w->node = child;
	w->step = w->step->next;
	return CER_OK;
}

/* Moves on over the name and its index. */
static void
pass(walk *w, size_t ordinal)
{
	w->step = ordinal > 0 ? w->step->next->next : w->step->next;
}

static cer_status
step_to_layer(walk *w, bool *is_found)
{
	size_t ordinal = get_ordinal(w);
	walk found = *w;
	size_t n =
		find_layer(w->node, w->step->name, ordinal ? ordinal : 1, &found);

	*is_found = n > 0;
	if (n == 0)
		return CER_OK;
	if (ordinal > n)
		return w->step = w->step->next, fail_step(w);
	if (ordinal == 0 && n > 1)
		return cer_fail(w->err, CER_BAD_VALUE,
		                "there are %zu of %.*s: say which, as in %.*s[1]", n,
		                CER_SHOW(w->step->name), CER_SHOW(w->step->name));
	w->list = found.list;
	w->node = found.node;
	pass(w, ordinal);
	return CER_OK;
}

/* units[2]; or a single argument that is written without its name. */
static cer_status
step_to_positional(walk *w, const cer_word *word, const cer_arg *arg,
                   bool *is_found)
{
	size_t ordinal = get_ordinal(w);
	cer_ast *child;

	*is_found = false;
	if (cer_arg_is_list(arg))
	{
		if (ordinal == 0)
			return fail_end(w, "is a list: say which, as in units[1]");
		child = find_child(w->node, ordinal);
		if (child == NULL)
			return w->step = w->step->next, fail_step(w);
		pass(w, ordinal);
	}
	else
	{
		if (!cer_arg_is_positional(word, arg))
			return CER_OK;
		child = find_child(w->node, (size_t) (arg - word->args) + 1);
		if (child == NULL)
			return CER_OK;
		w->step = w->step->next;
	}
	*is_found = true;
	w->list = w->node;
	w->node = child;
	return CER_OK;
}

/* A name that ends the path: an argument, perhaps by default. */
static cer_status
end_at_argument(walk *w, const cer_arg *arg, cer_spot *spot)
{
	*spot = (cer_spot){.kind = CER_SPOT_ARGUMENT,
	                   .parent = w->node,
	                   .node = cer_ast_find_named(w->node, w->step->name),
	                   .name = w->step->name,
	                   .arg = arg};
	if (spot->node == NULL && arg == NULL)
		return fail_step(w);
	w->step = w->step->next;
	if (w->step != NULL)
		return fail_end(w, "goes on behind a value");
	return CER_OK;
}

/* One step below the node in hand; is_end where the spot is found with it. */
static cer_status
step_down(walk *w, cer_spot *spot, bool *is_end)
{
	const cer_word *word =
		w->node->kind == CER_AST_CALL ? cer_call_get_word(w->node) : NULL;
	const cer_arg *arg;
	bool is_found;

	*is_end = false;
	if (w->step->name.size == 0)
		return step_to_index(w);
	CER_TRY(step_to_layer(w, &is_found));
	if (is_found)
		return CER_OK;
	arg = word ? cer_word_find_arg(word, w->step->name) : NULL;
	if (arg != NULL)
		CER_TRY(step_to_positional(w, word, arg, &is_found));
	if (is_found)
		return CER_OK;
	*is_end = true;
	return end_at_argument(w, arg, spot);
}

static cer_status
find_in_structure(walk *w, cer_spot *spot)
{
	bool is_end = false;

	w->node = w->draft->as;
	if (w->step == NULL)
	{
		*spot = (cer_spot){.kind = CER_SPOT_STRUCTURE, .parent = w->node};
		return CER_OK;
	}
	while (w->step != NULL && !is_end)
		CER_TRY(step_down(w, spot, &is_end));
	if (!is_end)
		*spot = (cer_spot){
			.kind = CER_SPOT_ELEMENT, .parent = w->list, .node = w->node};
	return CER_OK;
}

/* --------------------------------------------------------------- PT */

/* The optimizer, made a node, as an argument may have to stand in it. */
static cer_status
get_optimizer(walk *w, cer_ast **call)
{
	cer_ast *pt = w->draft->pt;
	cer_ast *made;

	*call = cer_pt_find_optimizer(pt);
	if (*call != NULL)
		return CER_OK;
	made = cer_ast_make(w->draft->arena, CER_AST_CALL, (cer_place){0, 0});
	if (made == NULL)
		return cer_fail_memory(w->err, sizeof(*made));
	made->name = cer_text_of(CER_DEFAULT_OPTIMIZER);
	cer_ast_insert_after(pt, NULL, made);
	*call = made;
	return CER_OK;
}

static cer_status
find_in_training(walk *w, cer_spot *spot)
{
	const cer_word *settings =
		cer_schema_find(CER_WORD_SECTION, cer_text_of("PT"));
	const cer_word *word;
	const cer_arg *arg;
	cer_ast *call;

	if (w->step == NULL || w->step->name.size == 0)
		return fail_end(w, "is no single setting: name one, as in PT.lr");
	CER_TRY(get_optimizer(w, &call));
	if (cer_text_is(w->step->name, "optimizer") && w->step->next == NULL)
	{
		*spot = (cer_spot){
			.kind = CER_SPOT_OPTIMIZER, .parent = w->draft->pt, .node = call};
		return CER_OK;
	}
	w->node = w->draft->pt;
	arg = cer_word_find_arg(settings, w->step->name);
	if (arg != NULL)
		return end_at_argument(w, arg, spot);
	if (cer_text_equals(w->step->name, call->name) && w->step->next != NULL)
		w->step = w->step->next;
	word = cer_schema_find(CER_WORD_OPTIMIZER, call->name);
	arg = word ? cer_word_find_arg(word, w->step->name) : NULL;
	w->node = call;
	return end_at_argument(w, arg, spot);
}

/* --------------------------------------------------------------- FE */

static bool
is_item_of(const cer_ast *item, cer_text qualifier, cer_text name)
{
	cer_ast key = {.kind = item->kind, .name = name};

	switch (item->kind)
	{
		case CER_AST_JOIN:
		case CER_AST_AGGREGATE:
			return qualifier.size == 0 && cer_ast_compare(item, &key) == 0;
		case CER_AST_COLUMN:
		case CER_AST_DERIVED:
			return cer_text_equals(item->name, name) &&
			       cer_text_equals(item->qualifier, qualifier);
		default:
			return false;
	}
}

static cer_status
fail_item(const walk *w)
{
	cer_suggestion suggestion;
	cer_status status = fail_end(w, "is not there");

	cer_suggestion_init(&suggestion, w->path->last->name);
	for (const cer_ast *item = w->draft->fe->first; item; item = item->next)
		if (item->kind != CER_AST_STAR && item->kind != CER_AST_EXCEPT)
			cer_suggestion_offer(&suggestion, item->name);
	cer_suggestion_hint(&suggestion, w->err);
	return status;
}

static cer_status
find_in_features(walk *w, cer_spot *spot)
{
	const cer_ast *first = w->step;
	const cer_ast *second = first ? first->next : NULL;
	cer_text none = {NULL, 0};
	cer_ast *found = NULL;

	if (first == NULL || first->name.size == 0 ||
	    (second != NULL && (second->name.size == 0 || second->next != NULL)))
		return fail_end(w, "is no item: name one, as in FE.a or FE.t.a");
	for (cer_ast *item = w->draft->fe->first; item; item = item->next)
	{
		if (!is_item_of(item, second ? first->name : none,
		                second ? second->name : first->name))
			continue;
		if (found != NULL)
			return fail_end(w, "is a column and a table: name the item");
		found = item;
	}
	if (found == NULL)
		return fail_item(w);
	*spot = (cer_spot){
		.kind = CER_SPOT_ITEM, .parent = w->draft->fe, .node = found};
	return CER_OK;
}

/* --------------------------------------------------------------- all */

cer_status
cer_spot_find(cer_draft *draft, const cer_ast *path, cer_spot *spot,
              cer_error *err)
{
	walk w = {
		.draft = draft, .path = path, .step = path->first->next, .err = err};

	if (cer_text_is(path->first->name, "as"))
		return find_in_structure(&w, spot);
	if (cer_text_is(path->first->name, "pt"))
		return find_in_training(&w, spot);
	return find_in_features(&w, spot);
}

static const cer_ast *
read_default(const cer_arg *arg, cer_ast *room)
{
	if (arg != NULL && cer_arg_make_default(arg, room))
		return room;
	*room =
		(cer_ast){.kind = CER_AST_CALL, .name = cer_text_of(CER_DEFAULT_WORD)};
	return room;
}

const cer_ast *
cer_spot_read(const cer_spot *spot, cer_ast *room)
{
	const cer_ast *encoder;

	switch (spot->kind)
	{
		case CER_SPOT_STRUCTURE:
			if (spot->parent->first == spot->parent->last)
				return spot->parent->first;
			*room = *spot->parent;
			room->kind = CER_AST_CHAIN;
			return room;
		case CER_SPOT_ARGUMENT:
			return spot->node ? spot->node->first
			                  : read_default(spot->arg, room);
		case CER_SPOT_ITEM:
			encoder = cer_item_get_encoder(spot->node);
			return encoder ? encoder : read_default(NULL, room);
		default:
			return spot->node;
	}
}

/* --------------------------------------------------------------- writing */

static bool
is_default(const cer_ast *value)
{
	return value->kind == CER_AST_CALL && value->first == NULL &&
	       cer_text_is(value->name, CER_DEFAULT_WORD);
}

static cer_status
write_structure(const cer_spot *spot, cer_ast *value, cer_error *err)
{
	if (is_default(value) || value->kind == CER_AST_NUMBER)
		return cer_fail(err, CER_BAD_VALUE, "AS needs a structure");
	cer_ast_remove_children(spot->parent);
	if (value->kind == CER_AST_CHAIN)
		cer_ast_move_children(spot->parent, value);
	else
		cer_ast_append(spot->parent, value);
	return CER_OK;
}

static cer_status
write_element(const cer_spot *spot, cer_ast *value, cer_error *err)
{
	bool is_layer =
		spot->parent->kind == CER_AST_AS || spot->parent->kind == CER_AST_CHAIN;

	if (is_default(value))
		return cer_fail(err, CER_BAD_VALUE,
		                "what stands in a list has no default");
	if (is_layer && value->kind == CER_AST_CHAIN)
		return cer_fail(err, CER_BAD_VALUE,
		                "a chain does not stand in a chain");
	cer_ast_replace(spot->parent, spot->node, value);
	return CER_OK;
}

static cer_status
write_argument(const cer_draft *draft, const cer_spot *spot, cer_ast *value,
               cer_error *err)
{
	cer_ast *named = spot->node;

	if (is_default(value))
	{
		if (named != NULL)
			cer_ast_remove(spot->parent, named);
		return CER_OK;
	}
	if (named == NULL)
	{
		named = cer_ast_make(draft->arena, CER_AST_NAMED, value->place);
		if (named == NULL)
			return cer_fail_memory(err, sizeof(*named));
		named->name = spot->name;
		cer_ast_append(spot->parent, named);
	}
	cer_ast_remove_children(named);
	cer_ast_append(named, value);
	return CER_OK;
}

static cer_status
write_optimizer(const cer_spot *spot, cer_ast *value, cer_error *err)
{
	if (value->kind != CER_AST_CALL)
		return cer_fail(err, CER_BAD_VALUE, "PT.optimizer needs an optimizer");
	if (is_default(value))
		cer_ast_remove(spot->parent, spot->node);
	else
		cer_ast_replace(spot->parent, spot->node, value);
	return CER_OK;
}

static cer_status
write_encoder(const cer_spot *spot, cer_ast *value, cer_error *err)
{
	cer_ast *item = spot->node;
	cer_ast *encoder = cer_item_get_encoder(item);

	if (item->kind != CER_AST_COLUMN && item->kind != CER_AST_DERIVED)
		return cer_fail(err, CER_BAD_VALUE,
		                "a table has no encoder: DROP it and ADD another");
	if (encoder != NULL)
		cer_ast_remove(item, encoder);
	if (!is_default(value))
		cer_ast_append(item, value);
	return CER_OK;
}

cer_status
cer_spot_write(cer_draft *draft, const cer_spot *spot, cer_ast *value,
               cer_error *err)
{
	value->next = NULL;
	switch (spot->kind)
	{
		case CER_SPOT_STRUCTURE:
			return write_structure(spot, value, err);
		case CER_SPOT_ELEMENT:
			return write_element(spot, value, err);
		case CER_SPOT_ARGUMENT:
			return write_argument(draft, spot, value, err);
		case CER_SPOT_OPTIMIZER:
			return write_optimizer(spot, value, err);
		case CER_SPOT_ITEM:
			break;
	}
	return write_encoder(spot, value, err);
}
