/*
 * owner.c
 *	  cerebro.owner: the role that a row of the archive belongs to.
 *
 *	 on disk  the role's number, as regrole has it; 0: nobody's
 *	 as text  its name; '-' where no role has the number (any more)
 *
 * No dependency of PostgreSQL's can hold a role by a row, so one may go.  Then
 * the number stays and the row is the extension's owner's.  A dump has names:
 * another cluster may have given the number to somebody.  A name that the
 * cluster does not know is read as nobody, with a warning, as a failure would
 * cost all rows of the table.
 */
#include "cerebro_pg.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "commands/trigger.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(cerebro_owner_in);
PG_FUNCTION_INFO_V1(cerebro_owner_out);
PG_FUNCTION_INFO_V1(cerebro_owner_recv);
PG_FUNCTION_INFO_V1(cerebro_owner_send);
PG_FUNCTION_INFO_V1(cerebro_owner_find);
PG_FUNCTION_INFO_V1(cerebro_owner_is_mine);
PG_FUNCTION_INFO_V1(cerebro_owner_has);
PG_FUNCTION_INFO_V1(cerebro_leave_out);

static bool
is_there(Oid role)
{
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role));
}

/* ------------------------------------------------------------------- text */

static bool
is_number(const char *text)
{
	return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* NULL where the text is no name. */
static const char *
parse_name(const char *text)
{
	List *names = compat_parse_qualified_name(text);

	return list_length(names) == 1 ? strVal(linitial(names)) : NULL;
}

/* One warning for all rows that one COPY reads. */
static void
warn_unknown(FunctionCallInfo fcinfo, const char *name)
{
	char *last = fcinfo->flinfo->fn_extra;

	if (last != NULL && strcmp(last, name) == 0)
		return;
	fcinfo->flinfo->fn_extra =
		MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, name);
	ereport(WARNING,
	        (errcode(ERRCODE_UNDEFINED_OBJECT),
	         errmsg("role \"%s\" does not exist", name),
	         errdetail("Its rows of the archive belong to the owner of "
	                   "extension cerebro.")));
}

/* A number is a role that was gone where a release before wrote the text. */
static Oid
parse_owner(FunctionCallInfo fcinfo, const char *text)
{
	const char *name;
	Oid role;

	if (strcmp(text, "-") == 0 || is_number(text))
		return InvalidOid;
	name = parse_name(text);
	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME),
		                errmsg("\"%s\" is not the name of a role", text)));
	role = get_role_oid(name, true);
	if (!OidIsValid(role))
		warn_unknown(fcinfo, name);
	return role;
}

static const char *
print_owner(Oid role)
{
	const char *name = GetUserNameFromId(role, true);

	return name == NULL ? "-" : quote_identifier(name);
}

Datum
cerebro_owner_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(parse_owner(fcinfo, PG_GETARG_CSTRING(0)));
}

Datum
cerebro_owner_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(pstrdup(print_owner(PG_GETARG_OID(0))));
}

/* The text, as numbers say nothing in another cluster. */
Datum
cerebro_owner_recv(PG_FUNCTION_ARGS)
{
	StringInfo buffer = (StringInfo) PG_GETARG_POINTER(0);
	int n_bytes;
	char *text = pq_getmsgtext(buffer, buffer->len - buffer->cursor, &n_bytes);

	PG_RETURN_OID(parse_owner(fcinfo, text));
}

Datum
cerebro_owner_send(PG_FUNCTION_ARGS)
{
	const char *text = print_owner(PG_GETARG_OID(0));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendtext(&buffer, text, (int) strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* ----------------------------------------------------------------- rights */

Oid
owner_find(Oid owner)
{
	return is_there(owner) ? owner : archive_get_owner();
}

const char *
owner_get_name(Oid owner)
{
	return GetUserNameFromId(owner_find(owner), false);
}

/* Membership is looked up first: most rows belong to somebody. */
bool
owner_has(Oid owner, Oid role)
{
	return is_member_of_role(role, owner) ||
	       (!is_there(owner) && is_member_of_role(role, archive_get_owner()));
}

Datum
cerebro_owner_find(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(owner_find(PG_GETARG_OID(0)));
}

Datum
cerebro_owner_is_mine(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(owner_has(PG_GETARG_OID(0), GetUserId()));
}

Datum
cerebro_owner_has(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(owner_has(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}

/* --------------------------------------------------------------- triggers */

/* A row that says nothing, as a grant to a role that is not there. */
Datum
cerebro_leave_out(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("cerebro.leave_out() is a trigger")));
	PG_RETURN_POINTER(NULL);
}
