/*
 * lang/json.h
 *	  What both ways between triples and JSON know.
 */
#ifndef CER_LANG_JSON_H
#define CER_LANG_JSON_H

#include "lang/schema.h"

#define CER_JSON_OPTIMIZER "optimizer"
/* Arguments without names of a structure that the language does not know. */
#define CER_JSON_ARGUMENTS "arguments"

/* The word of a call, wherever it stands. */
extern const cer_word *cer_json_find_word(cer_text name);

#endif
