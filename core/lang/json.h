/*
 * lang/json.h
 *	  What both ways between triples and JSON know.
 */
#ifndef CER_LANG_JSON_H
#define CER_LANG_JSON_H

#include "lang/schema.h"
#include "lang/writer.h"

#define CER_JSON_OPTIMIZER "optimizer"
/* Arguments without names of a structure that the language does not know. */
#define CER_JSON_ARGUMENTS "arguments"

/* In quotes. */
extern void cer_json_put_string(cer_writer *to, cer_text text);
/* The word of a call, wherever it stands. */
extern const cer_word *cer_json_find_word(cer_text name);

#endif
