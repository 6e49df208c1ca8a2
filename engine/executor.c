/*
 * executor.c
 *	  The executors that this engine has.
 */
#include "executor.h"

#include <string.h>

static const executor *const executors[] = {&native_executor};

const executor *
executor_find(cer_text name)
{
	for (size_t i = 0; i < sizeof(executors) / sizeof(executors[0]); i++)
		if (strlen(executors[i]->name) == name.size &&
		    memcmp(executors[i]->name, name.data, name.size) == 0)
			return executors[i];
	return NULL;
}
