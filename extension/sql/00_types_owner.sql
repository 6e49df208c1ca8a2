-- Whose rows of the archive are: a role by its number, as regrole has it, but
-- with a text that says the same in another cluster.

CREATE TYPE cerebro.owner;
CREATE FUNCTION cerebro.owner_in(cstring) RETURNS cerebro.owner
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_owner_in';
CREATE FUNCTION cerebro.owner_out(cerebro.owner) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_owner_out';
CREATE FUNCTION cerebro.owner_recv(internal) RETURNS cerebro.owner
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_owner_recv';
CREATE FUNCTION cerebro.owner_send(cerebro.owner) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_owner_send';
CREATE TYPE cerebro.owner (
	INPUT = cerebro.owner_in, OUTPUT = cerebro.owner_out,
	RECEIVE = cerebro.owner_recv, SEND = cerebro.owner_send,
	LIKE = pg_catalog.regrole, CATEGORY = 'N');
COMMENT ON TYPE cerebro.owner IS 'the role that a row of the archive belongs to: its name, or - once it is gone: then the extension''s owner';
COMMENT ON FUNCTION cerebro.owner_in(cstring) IS 'text form';
COMMENT ON FUNCTION cerebro.owner_out(cerebro.owner) IS 'name of the role; - where it is gone';
COMMENT ON FUNCTION cerebro.owner_recv(internal) IS 'binary form';
COMMENT ON FUNCTION cerebro.owner_send(cerebro.owner) IS 'binary form';

-- Equality and order are those of the number.
CREATE CAST (cerebro.owner AS oid) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (oid AS cerebro.owner) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (cerebro.owner AS regrole) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (regrole AS cerebro.owner) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (cerebro.owner AS oid) IS 'number of the role';
COMMENT ON CAST (oid AS cerebro.owner) IS 'role of that number';
COMMENT ON CAST (cerebro.owner AS regrole) IS 'the role; the number where it is gone';
COMMENT ON CAST (regrole AS cerebro.owner) IS 'the role';

CREATE FUNCTION cerebro.is_mine(owner cerebro.owner) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_owner_is_mine';
COMMENT ON FUNCTION cerebro.is_mine(cerebro.owner) IS 'whether the current role is, or is a member of, the owner';

CREATE FUNCTION cerebro.is_owner(owner cerebro.owner, role oid) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'cerebro_owner_has';
COMMENT ON FUNCTION cerebro.is_owner(cerebro.owner, oid) IS 'whether the role is, or is a member of, the owner';

CREATE FUNCTION cerebro.owner_of(owner cerebro.owner) RETURNS regrole
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'cerebro_owner_find';
COMMENT ON FUNCTION cerebro.owner_of(cerebro.owner) IS 'the role; if it is gone the extension''s owner, to whom its rows belong';

CREATE FUNCTION cerebro.leave_out() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'cerebro_leave_out';
COMMENT ON FUNCTION cerebro.leave_out() IS 'trigger: a row that says nothing is not written';
