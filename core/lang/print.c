/*
 * lang/print.c
 *	  A tree as text.
 *
 * The tree says all that there is to print; what is canonical about it is made
 * by the resolver.  Most kinds are a row of the table `forms`; the others have
 * a function there.  The room is measured first, generously, then filled.
 */
#include "lang/ast.h"

#include "base/text.h"
#include "lang/lex.h"
#include "lang/number.h"

#include <stdio.h>
#include <string.h>

#define KEYWORD_BYTES 24 /* room for what is put around and between names */
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

typedef struct printer
{
	char *at;
	int depth;       /* of parentheses: inside them no section can begin */
	int deepest;     /* that depth has been */
	size_t longest;  /* list that was written */
	bool in_columns; /* a list of nothing but columns: no item can begin */
} printer;

typedef void (*print_fn)(printer *p, const cer_ast *ast);

/* before, name, open, children between separators, close. */
typedef struct form
{
	print_fn print; /* instead of all else */
	const char *before;
	print_fn name;
	const char *open; /* left out, as close is, without children */
	const char *separator;
	const char *close;
	bool is_deeper;  /* the children stand in parentheses */
	bool in_columns; /* and are columns */
} form;

static void print_node(printer *p, const cer_ast *ast);

/* ---------------------------------------------------------------- names */

static void
write_bytes(printer *p, const char *data, size_t size)
{
	memcpy(p->at, data, size);
	p->at += size;
}

static void
write_text(printer *p, const char *string)
{
	write_bytes(p, string, strlen(string));
}

static bool
is_one_of(cer_text name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cer_text_is(name, words[i]))
			return true;
	return false;
}

static bool
is_section(const printer *p, cer_text name)
{
	static const char *const words[] = {"fe", "as", "pt"};

	return p->depth == 0 && name.size == 2 &&
	       is_one_of(name, words, COUNT(words));
}

static bool
begins_item(const printer *p, cer_text name)
{
	static const char *const words[] = {"except", "join", "aggregate"};

	return !p->in_columns && is_one_of(name, words, COUNT(words));
}

static bool
begins_clause(cer_text name)
{
	static const char *const words[] = {"last",  "via",    "using", "on",
	                                    "where", "window", "uncut", "if"};

	return is_one_of(name, words, COUNT(words));
}

static bool
is_plain(cer_text name)
{
	if (!cer_is_name_start(name.data[0]))
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (!cer_is_name_part(name.data[i]) ||
		    (name.data[i] >= 'A' && name.data[i] <= 'Z'))
			return false;
	return true;
}

static void
write_quoted(printer *p, cer_text text, char quote)
{
	*p->at++ = quote;
	for (size_t i = 0; i < text.size; i++)
	{
		if (text.data[i] == quote)
			*p->at++ = quote;
		*p->at++ = text.data[i];
	}
	*p->at++ = quote;
}

static void
write_name(printer *p, cer_text name, bool is_word_of_language)
{
	if (is_word_of_language || !is_plain(name))
		write_quoted(p, name, '"');
	else
		write_bytes(p, name.data, name.size);
}

/* [qualifier.]name, where is_word is of what stands first */
static void
write_names(printer *p, const cer_ast *ast, bool is_word)
{
	if (ast->qualifier.size == 0)
	{
		write_name(p, ast->name, is_word);
		return;
	}
	write_name(p, ast->qualifier, is_word);
	*p->at++ = '.';
	write_name(p, ast->name, false);
}

static cer_text
get_first_name(const cer_ast *ast)
{
	return ast->qualifier.size > 0 ? ast->qualifier : ast->name;
}

static void
name_word(printer *p, const cer_ast *ast)
{
	write_name(p, ast->name, is_section(p, ast->name));
}

static void
name_column(printer *p, const cer_ast *ast)
{
	cer_text first = get_first_name(ast);

	write_names(p, ast, is_section(p, first) || begins_item(p, first));
}

static void
name_table(printer *p, const cer_ast *ast)
{
	cer_text first = get_first_name(ast);

	write_names(p, ast, is_section(p, first) || begins_clause(first));
}

/* ------------------------------------------------------- kinds on their own */

static void
go_deeper(printer *p, bool is_deeper)
{
	p->depth += is_deeper;
	if (p->depth > p->deepest)
		p->deepest = p->depth;
}

static void
print_children(printer *p, const cer_ast *ast, const char *separator)
{
	size_t n = 0;

	for (const cer_ast *child = ast->first; child; child = child->next)
	{
		if (n++ > 0)
			write_text(p, separator);
		print_node(p, child);
	}
	if (n > 1 && n > p->longest && *separator == ',')
		p->longest = n;
}

static void
print_number(printer *p, const cer_ast *ast)
{
	p->at += cer_number_print(ast->number, p->at);
}

static void
print_sql(printer *p, const cer_ast *ast)
{
	write_bytes(p, ast->name.data, ast->name.size);
}

static void
print_string(printer *p, const cer_ast *ast)
{
	write_quoted(p, ast->name, '\'');
}

/* name = (sql)[ : encoder] */
static void
print_derived(printer *p, const cer_ast *ast)
{
	name_column(p, ast);
	write_text(p, " = (");
	print_sql(p, ast->first);
	write_text(p, ")");
	if (ast->first->next == NULL)
		return;
	write_text(p, " : ");
	print_node(p, ast->first->next);
}

static void
print_join(printer *p, const cer_ast *ast)
{
	write_text(p, ast->flag ? "JOIN LAST " : "JOIN ");
	name_table(p, ast);
	for (const cer_ast *child = ast->first; child; child = child->next)
	{
		write_text(p, " ");
		print_node(p, child);
	}
}

/* (name = sql, ...): from the first value on; returns what follows the last */
static const cer_ast *
print_values(printer *p, const cer_ast *value)
{
	const char *separator = "(";
	size_t n = 0;

	go_deeper(p, true);
	p->in_columns = true;
	for (; value && value->kind == CER_AST_DERIVED; value = value->next, n++)
	{
		write_text(p, separator);
		separator = ", ";
		write_name(p, value->name, false);
		write_text(p, " = ");
		print_sql(p, value->first);
	}
	p->in_columns = false;
	p->depth--;
	if (n > p->longest)
		p->longest = n;
	write_text(p, ")");
	return value;
}

static void
print_aggregate(printer *p, const cer_ast *ast)
{
	const cer_ast *child = ast->first;

	write_text(p, "AGGREGATE ");
	name_table(p, ast);
	while (child != NULL)
	{
		write_text(p, " ");
		if (child->kind == CER_AST_DERIVED)
		{
			child = print_values(p, child);
			continue;
		}
		print_node(p, child);
		child = child->next;
	}
	if (ast->flag)
		write_text(p, " UNCUT");
}

static void
print_arithmetic(printer *p, const cer_ast *ast)
{
	print_node(p, ast->first);
	write_text(p, " ");
	write_bytes(p, ast->name.data, ast->name.size);
	write_text(p, " ");
	print_node(p, ast->last);
}

/* lo..hi [log] [step s] */
static void
print_range(printer *p, const cer_ast *ast)
{
	const cer_ast *step = ast->first->next->next;

	print_node(p, ast->first);
	write_text(p, "..");
	print_node(p, ast->first->next);
	if (ast->flag)
		write_text(p, " log");
	if (step == NULL)
		return;
	write_text(p, " step ");
	print_node(p, step->first);
}

static void
print_condition(printer *p, const cer_ast *ast)
{
	print_node(p, ast->first);
	write_text(p, " IF ");
	print_node(p, ast->first->next);
	if (ast->last == ast->first->next)
		return;
	write_text(p, " = ");
	print_node(p, ast->last);
}

/* path = [old ->] new */
static void
print_set(printer *p, const cer_ast *ast)
{
	write_text(p, "SET ");
	print_node(p, ast->first);
	write_text(p, " = ");
	if (ast->first->next != ast->last)
	{
		print_node(p, ast->first->next);
		write_text(p, " -> ");
	}
	print_node(p, ast->last);
}

/* FE item, or its path alone */
static void
print_drop(printer *p, const cer_ast *ast)
{
	bool is_path = ast->first->kind == CER_AST_PATH;

	write_text(p, is_path ? "DROP " : "DROP FE ");
	print_node(p, ast->first);
}

/* AS layer AFTER | BEFORE path; what is deleted may have its path alone */
static void
print_insert(printer *p, const cer_ast *ast)
{
	write_text(p, ast->kind == CER_AST_INSERT ? "INSERT " : "DELETE ");
	if (ast->first == ast->last)
	{
		print_node(p, ast->first);
		return;
	}
	write_text(p, "AS ");
	print_node(p, ast->first);
	write_text(p, ast->flag ? " BEFORE " : " AFTER ");
	print_node(p, ast->last);
}

/* The first step is a section, an index stands in brackets. */
static void
print_path(printer *p, const cer_ast *ast)
{
	for (const cer_ast *step = ast->first; step; step = step->next)
	{
		if (step->name.size == 0)
		{
			write_text(p, "[");
			print_number(p, step);
			write_text(p, "]");
			continue;
		}
		if (step != ast->first)
		{
			write_text(p, ".");
			write_name(p, step->name, false);
			continue;
		}
		for (size_t i = 0; i < step->name.size; i++)
			*p->at++ = (char) (step->name.data[i] & ~0x20);
	}
}

/* ---------------------------------------------------------------- all kinds */

#define LIST .open = "(", .separator = ", ", .close = ")", .is_deeper = true

static const form forms[] = {
	[CER_AST_TRIPLE] = {.separator = " "},
	[CER_AST_FE] = {.before = "FE ", .separator = ", "},
	[CER_AST_AS] = {.before = "AS "},
	[CER_AST_PT] = {.before = "PT ", .separator = ", "},
	[CER_AST_STAR] = {.before = "*"},
	[CER_AST_EXCEPT] = {.before = "EXCEPT ", LIST, .in_columns = true},
	[CER_AST_COLUMN] = {.name = name_column, .open = " : "},
	[CER_AST_DERIVED] = {.print = print_derived},
	[CER_AST_JOIN] = {.print = print_join},
	[CER_AST_AGGREGATE] = {.print = print_aggregate},
	[CER_AST_ALIAS] = {.name = name_table},
	[CER_AST_VIA] = {.before = "VIA ", LIST, .in_columns = true},
	[CER_AST_USING] = {.before = "USING ", LIST, .in_columns = true},
	[CER_AST_ON] = {.before = "ON ", LIST},
	[CER_AST_WHERE] = {.before = "WHERE ", LIST},
	[CER_AST_WINDOW] = {.before = "WINDOW "},
	[CER_AST_SQL] = {.print = print_sql},
	[CER_AST_STRING] = {.print = print_string},
	[CER_AST_CALL] = {.name = name_word, LIST},
	[CER_AST_NAMED] = {.name = name_word, .open = " = "},
	[CER_AST_NUMBER] = {.print = print_number},
	[CER_AST_TIMES] = {.separator = " x "},
	[CER_AST_FREE_TIMES] = {.separator = " xx "},
	[CER_AST_PLUS] = {.separator = " + "},
	[CER_AST_CHAIN] = {.separator = " > "},
	[CER_AST_ARITHMETIC] = {.print = print_arithmetic},
	[CER_AST_CHOICE] = {.open = "{",
                        .separator = ", ",
                        .close = "}",
                        .is_deeper = true},
	[CER_AST_OPTIONAL] = {.before = "?"},
	[CER_AST_RANGE] = {.print = print_range},
	[CER_AST_CONDITION] = {.print = print_condition},
	[CER_AST_CHANGE] = {.separator = ", "},
	[CER_AST_ADD] = {.before = "ADD FE "},
	[CER_AST_DROP] = {.print = print_drop},
	[CER_AST_SET] = {.print = print_set},
	[CER_AST_INSERT] = {.print = print_insert},
	[CER_AST_DELETE] = {.print = print_insert},
	[CER_AST_PATH] = {.print = print_path},
	[CER_AST_PATH_STEP] = {.name = name_word},
};

static void
write_optional(printer *p, const char *string)
{
	if (string != NULL)
		write_text(p, string);
}

static void
print_form(printer *p, const form *f, const cer_ast *ast)
{
	write_optional(p, f->before);
	if (f->name != NULL)
		f->name(p, ast);
	if (ast->first == NULL)
		return;
	write_optional(p, f->open);
	go_deeper(p, f->is_deeper);
	p->in_columns = f->in_columns;
	print_children(p, ast, f->separator);
	p->in_columns = false;
	p->depth -= f->is_deeper;
	write_optional(p, f->close);
}

static void
print_node(printer *p, const cer_ast *ast)
{
	const form *f = &forms[ast->kind];

	if (f->print != NULL)
		f->print(p, ast);
	else
		print_form(p, f, ast);
}

/* Quotes may double a name. */
static size_t
measure(const cer_ast *ast)
{
	size_t size = 2 * (ast->name.size + ast->qualifier.size) + KEYWORD_BYTES;

	if (ast->kind == CER_AST_NUMBER || ast->kind == CER_AST_PATH_STEP)
		size += CER_NUMBER_BYTES;
	for (const cer_ast *child = ast->first; child; child = child->next)
		size += measure(child);
	return size;
}

/* Can it be read again? */
static cer_status
check_limits(const printer *p, size_t size, cer_error *err)
{
	if (size > CER_LEX_MAX_TEXT)
		return cer_fail(err, CER_TOO_BIG,
		                "text of %zu bytes is longer than %zu bytes", size,
		                CER_LEX_MAX_TEXT);
	if (p->deepest > CER_LEX_MAX_DEPTH)
		return cer_fail(err, CER_TOO_BIG, "more than %d nested parentheses",
		                CER_LEX_MAX_DEPTH);
	if (p->longest > CER_LEX_MAX_LIST)
		return cer_fail(err, CER_TOO_BIG, "more than %d items in a list",
		                CER_LEX_MAX_LIST);
	return CER_OK;
}

typedef enum manner
{
	ANY = 0,
	WITH_VERSION = 1,
	OF_VALUE = 2
} manner;

static cer_status
print_tree(cer_arena *arena, const cer_ast *ast, int how, cer_text *text,
           cer_error *err)
{
	char end[16] = "";
	size_t size = measure(ast) + sizeof(end) + 1;
	char *data = cer_arena_allocate(arena, size);
	printer p = {.at = data};

	if (data == NULL)
		return cer_fail_memory(err, size);
	if (how & WITH_VERSION)
		snprintf(end, sizeof(end), "@%d", CER_LANGUAGE_VERSION);
	print_node(&p, ast);
	if (p.at > data && *end != '\0')
		write_text(&p, " ");
	write_text(&p, end);
	*p.at = '\0';
	size = (size_t) (p.at - data);
	if (how & OF_VALUE)
		CER_TRY(check_limits(&p, size, err));
	*text = (cer_text){data, size};
	return CER_OK;
}

cer_status
cer_ast_print(cer_arena *arena, const cer_ast *ast, cer_text *text,
              cer_error *err)
{
	return print_tree(arena, ast, ANY, text, err);
}

cer_status
cer_ast_print_value(cer_arena *arena, const cer_ast *ast, cer_text *text,
                    cer_error *err)
{
	return print_tree(arena, ast, OF_VALUE, text, err);
}

cer_status
cer_ast_print_value_version(cer_arena *arena, const cer_ast *ast,
                            cer_text *text, cer_error *err)
{
	return print_tree(arena, ast, OF_VALUE | WITH_VERSION, text, err);
}

cer_status
cer_ast_print_version(cer_arena *arena, const cer_ast *ast, cer_text *text,
                      cer_error *err)
{
	return print_tree(arena, ast, WITH_VERSION, text, err);
}
