/*
 * lang/print.c
 *	  A tree as text.
 *
 * The tree says all that there is to print; what is canonical about it is made
 * by the resolver.  The room is measured first, generously, then filled.
 */
#include "lang/ast.h"

#include "base/text.h"
#include "lang/lex.h"
#include "lang/number.h"

#include <string.h>

typedef struct printer
{
	char *at;
	int depth; /* of parentheses: inside them fewer words are reserved */
} printer;

static void print_node(printer *p, const cer_ast *ast);

/* Quotes may double a name; keywords, separators and numbers have room in the
 * rest. */
static size_t
measure(const cer_ast *ast)
{
	size_t size = 2 * ast->name.size + 2 + CER_NUMBER_BYTES;

	for (const cer_ast *child = ast->first; child; child = child->next)
		size += measure(child);
	return size;
}

static void
write_text(printer *p, const char *string)
{
	size_t size = strlen(string);

	memcpy(p->at, string, size);
	p->at += size;
}

/* Words that would be read as something else where a column stands. */
static bool
is_keyword(cer_text name, int depth)
{
	static const char *const keywords[] = {"fe",     "as",   "pt",
	                                       "except", "join", "aggregate"};

	if (depth > 0)
		return false;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (cer_text_is(name, keywords[i]))
			return true;
	return false;
}

static bool
needs_quotes(cer_text name, int depth)
{
	if (!cer_is_name_start(name.data[0]) || is_keyword(name, depth))
		return true;
	for (size_t i = 0; i < name.size; i++)
		if (!cer_is_name_part(name.data[i]) ||
		    (name.data[i] >= 'A' && name.data[i] <= 'Z'))
			return true;
	return false;
}

static void
write_name(printer *p, cer_text name)
{
	if (!needs_quotes(name, p->depth))
	{
		memcpy(p->at, name.data, name.size);
		p->at += name.size;
		return;
	}
	*p->at++ = '"';
	for (size_t i = 0; i < name.size; i++)
	{
		if (name.data[i] == '"')
			*p->at++ = '"';
		*p->at++ = name.data[i];
	}
	*p->at++ = '"';
}

static void
print_children(printer *p, const cer_ast *ast, const char *separator)
{
	for (const cer_ast *child = ast->first; child; child = child->next)
	{
		if (child != ast->first)
			write_text(p, separator);
		print_node(p, child);
	}
}

static void
print_arguments(printer *p, const cer_ast *ast)
{
	write_text(p, "(");
	p->depth++;
	print_children(p, ast, ", ");
	p->depth--;
	write_text(p, ")");
}

static void
print_section(printer *p, const char *keyword, const cer_ast *ast)
{
	write_text(p, keyword);
	print_children(p, ast, ", ");
}

static void
print_node(printer *p, const cer_ast *ast)
{
	switch (ast->kind)
	{
		case CER_AST_TRIPLE:
			print_children(p, ast, " ");
			break;
		case CER_AST_FE:
			print_section(p, "FE ", ast);
			break;
		case CER_AST_AS:
			print_section(p, "AS ", ast);
			break;
		case CER_AST_PT:
			print_section(p, "PT ", ast);
			break;
		case CER_AST_STAR:
			write_text(p, "*");
			break;
		case CER_AST_EXCEPT:
			write_text(p, "EXCEPT ");
			print_arguments(p, ast);
			break;
		case CER_AST_COLUMN:
			write_name(p, ast->name);
			if (ast->first != NULL)
				write_text(p, " : ");
			print_children(p, ast, "");
			break;
		case CER_AST_CALL:
			write_name(p, ast->name);
			if (ast->first != NULL)
				print_arguments(p, ast);
			break;
		case CER_AST_NAMED:
			write_name(p, ast->name);
			write_text(p, " = ");
			print_children(p, ast, "");
			break;
		case CER_AST_NUMBER:
			p->at += cer_number_print(ast->number, p->at);
			break;
		case CER_AST_TIMES:
			print_children(p, ast, " x ");
			break;
		default: /* the parser makes no others yet */
			break;
	}
}

cer_status
cer_ast_print(cer_arena *arena, const cer_ast *ast, cer_text *text,
              cer_error *err)
{
	size_t size = measure(ast) + 1;
	char *data = cer_arena_allocate(arena, size);
	printer p = {.at = data};

	if (data == NULL)
		return cer_fail_memory(err, size);
	print_node(&p, ast);
	*p.at = '\0';
	*text = (cer_text){data, (size_t) (p.at - data)};
	return CER_OK;
}
