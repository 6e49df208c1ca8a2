-- The archive: how states are kept, how models came to be, who may use them.

CREATE FUNCTION cerebro.archive_plan(fetch_seconds double precision DEFAULT 10,
	OUT model integer, OUT epoch integer, OUT keep text, OUT bytes bigint,
	OUT now_bytes bigint, OUT seconds double precision)
	RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_archive_plan';
COMMENT ON FUNCTION cerebro.archive_plan(double precision) IS
	'how to keep the states of your trainings in the fewest bytes such that a training that goes on from one waits no longer than that: whole, as a change against the state before, or by its id alone, to be computed again';

CREATE FUNCTION cerebro.archive_pack(fetch_seconds double precision DEFAULT 10) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_archive_pack';
COMMENT ON FUNCTION cerebro.archive_pack(double precision) IS
	'keeps the states of your trainings as archive_plan says; returns how many bytes that saves';
