-- Where everything lies.

\echo Use "CREATE EXTENSION cerebro" to load this file. \quit

-- Whoever may create functions beside ours could give calls another meaning.
DO $$
BEGIN
	IF EXISTS (
		SELECT FROM pg_catalog.pg_namespace n
		JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) n.nspowner
		WHERE n.nspname OPERATOR(pg_catalog.=) 'cerebro'
		AND NOT (o.rolsuper AND NOT EXISTS (
			SELECT FROM pg_catalog.aclexplode(n.nspacl) a
			WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
			AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner)))
	THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = 'schema "cerebro" exists and others than a superuser may create objects in it',
			HINT = 'Drop or rename it; CREATE EXTENSION makes a new one.';
	END IF;
END
$$;

GRANT USAGE ON SCHEMA cerebro TO PUBLIC;
