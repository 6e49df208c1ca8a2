#!/bin/sh
# The extension does not move into a schema where others may create objects:
# a function beside ours could give a call of ours another meaning.
set -eu
# shellcheck source=extension/test/lib/tap.sh
. "$TEST_LIB/tap.sh"
server_start

refused='others than a superuser may create objects in it'
psql_value 'CREATE ROLE guest; GRANT CREATE ON DATABASE postgres TO guest' >/dev/null
psql_value 'SET ROLE guest; CREATE SCHEMA cerebro' >/dev/null
like "$(psql_value 'CREATE EXTENSION cerebro')" "$refused" \
	"a guest's schema is refused"
psql_value 'ALTER SCHEMA cerebro OWNER TO postgres; GRANT CREATE ON SCHEMA cerebro TO guest' >/dev/null
like "$(psql_value 'CREATE EXTENSION cerebro')" "$refused" \
	'so is one where a guest may create objects'
psql_value 'REVOKE CREATE ON SCHEMA cerebro FROM guest' >/dev/null
is "$(psql_value 'CREATE EXTENSION cerebro')" '' \
	'one that is a superuser'"'"'s alone will do, as a restored dump has it'
is "$(psql_value "SELECT count(*) FROM pg_roles r, LATERAL aclexplode((SELECT nspacl FROM pg_namespace WHERE nspname = 'cerebro')) a WHERE privilege_type = 'CREATE' AND NOT rolsuper AND grantee = r.oid")" \
	0 'nobody else may create objects there afterwards'

done_testing
