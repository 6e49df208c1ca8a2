/*
 * lang/definition.h
 *	  How structures are written:
 *
 *	 definition = ['(' parameter {',' parameter} ')' '='] value
 *	 parameter  = name type ['=' default]
 *				  [('from' | 'above') number 'to' ['below'] number]
 *	 type       = 'integer' | 'number' | 'activation' | 'widths' | 'layer'
 *	 default    = number | word | 'PT' '.' name | '(' number {',' number} ')'
 *
 * In value, a word alone that is a parameter's name is the parameter; + - * /
 * compute; each(w, widths, layers) is layers for each of widths, one after the
 * other.
 */
#ifndef CER_LANG_DEFINITION_H
#define CER_LANG_DEFINITION_H

#include "lang/bind.h"

/* A number without a range is between them. */
#define CER_LEAST_NUMBER (-1e9)
#define CER_MOST_NUMBER  1e9

/* A word as the schema has them, and its body with the places of the text; all
 * of it in the arena. */
extern cer_status
cer_definition_parse(cer_arena *arena, const cer_structure *structure,
                     cer_word *word, cer_ast **body, cer_error *err);
extern cer_status cer_definition_parse_body(cer_arena *arena, cer_text text,
                                            cer_ast **body, cer_error *err);
/* Canonical text of a structure, its own or one of the schema's. */
extern cer_status cer_definition_print(cer_arena *arena, const cer_word *word,
                                       cer_text *text, cer_error *err);

#endif
