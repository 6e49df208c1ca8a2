-- Extracts: coded columns of data versions, kept so that no training reads them
-- again.  Derived data: not logged, not dumped, empty after a crash.

CREATE UNLOGGED TABLE cerebro.extract (
	id           bytea PRIMARY KEY,
	rows         bytea NOT NULL,
	query        bytea NOT NULL,
	data_version integer NOT NULL REFERENCES cerebro.data_version ON DELETE CASCADE,
	column_name  text NOT NULL,
	n_rows       bigint NOT NULL,
	n_train      bigint NOT NULL,
	storage      integer NOT NULL,
	width        integer NOT NULL,
	n_values     bigint NOT NULL,
	content      bytea NOT NULL,
	bytes        bigint NOT NULL,
	seconds      double precision NOT NULL,
	dimension    bytea,
	n_dimension  bigint NOT NULL DEFAULT 0,
	n_used       bigint NOT NULL DEFAULT 0,
	owner        cerebro.owner NOT NULL,
	created_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	used_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX extract_rows ON cerebro.extract (rows);
COMMENT ON INDEX cerebro.extract_rows IS 'columns over the same rows';
CREATE INDEX extract_dimension ON cerebro.extract (dimension);
COMMENT ON INDEX cerebro.extract_dimension IS 'columns over the same rows of a joined table';
CREATE INDEX extract_data_version ON cerebro.extract (data_version);
COMMENT ON INDEX cerebro.extract_data_version IS 'columns of a data version';
COMMENT ON TABLE cerebro.extract IS 'coded columns of data versions that trainings have read; not logged: empty after a crash, and read again';
COMMENT ON COLUMN cerebro.extract.id IS 'SHA-256 of what was read of which state of which tables';
COMMENT ON COLUMN cerebro.extract.rows IS 'the entry that has keys and labels of these rows; its own id: this one';
COMMENT ON COLUMN cerebro.extract.query IS 'SHA-256 of what is read, whatever the tables'' state';
COMMENT ON COLUMN cerebro.extract.data_version IS 'the data version that was read';
COMMENT ON COLUMN cerebro.extract.column_name IS 'as FE named it when it was read; empty: keys and labels';
COMMENT ON COLUMN cerebro.extract.n_rows IS 'training and validation rows';
COMMENT ON COLUMN cerebro.extract.n_train IS 'of those, training rows, which come first';
COMMENT ON COLUMN cerebro.extract.storage IS 'what its values are: 0 float4, 1 float8, 2 categories';
COMMENT ON COLUMN cerebro.extract.width IS 'bytes of a row';
COMMENT ON COLUMN cerebro.extract.n_values IS 'of the table that rows are codes of; 0: rows are numbers themselves';
COMMENT ON COLUMN cerebro.extract.content IS 'hash of keys, parts and values';
COMMENT ON COLUMN cerebro.extract.bytes IS 'all that is kept of it';
COMMENT ON COLUMN cerebro.extract.seconds IS 'that reading it took: its share of the read';
COMMENT ON COLUMN cerebro.extract.dimension IS 'of columns that a JOIN brings: the entry that says which row of it each row found; its own id: this one; NULL: each row has a value of its own';
COMMENT ON COLUMN cerebro.extract.n_dimension IS 'rows of the dimension, of which the column has a value each; 0: it is of none';
COMMENT ON COLUMN cerebro.extract.n_used IS 'trainings that did not read it again';
COMMENT ON COLUMN cerebro.extract.owner IS 'the owner of the task that it was first read for';
COMMENT ON COLUMN cerebro.extract.created_at IS 'when it was read';
COMMENT ON COLUMN cerebro.extract.used_at IS 'when it was last used';

CREATE UNLOGGED TABLE cerebro.extract_chunk (
	extract bytea NOT NULL REFERENCES cerebro.extract ON DELETE CASCADE,
	ordinal integer NOT NULL,
	bytes   bytea NOT NULL,
	PRIMARY KEY (extract, ordinal)
);
ALTER TABLE cerebro.extract_chunk ALTER bytes SET STORAGE EXTERNAL;
ALTER TABLE cerebro.extract_chunk ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE cerebro.extract_chunk IS 'what extracts hold: read by functions of the extension only, for those who may read the tables behind';
COMMENT ON COLUMN cerebro.extract_chunk.extract IS 'the entry of cerebro.extract';
COMMENT ON COLUMN cerebro.extract_chunk.ordinal IS '-1: the values that rows are codes of; from 2^24 on: labels';
COMMENT ON COLUMN cerebro.extract_chunk.bytes IS 'rows of width bytes each, in the order of part and key';

CREATE UNLOGGED TABLE cerebro.extract_finding (
	id         bytea PRIMARY KEY,
	task       integer NOT NULL REFERENCES cerebro.task ON DELETE CASCADE,
	is_found   boolean NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX extract_finding_task ON cerebro.extract_finding (task);
COMMENT ON INDEX cerebro.extract_finding_task IS 'what JOINs of a task found';
ALTER TABLE cerebro.extract_finding ENABLE ROW LEVEL SECURITY;
COMMENT ON TABLE cerebro.extract_finding IS 'what JOINs found when they were looked at: whether some row has several matches, or none';
COMMENT ON COLUMN cerebro.extract_finding.id IS 'SHA-256 of the query and of the state of its tables';
COMMENT ON COLUMN cerebro.extract_finding.task IS 'the task whose JOINs they were';
COMMENT ON COLUMN cerebro.extract_finding.is_found IS 'whether the look found such a row';
COMMENT ON COLUMN cerebro.extract_finding.created_at IS 'when it was looked';

CREATE FUNCTION cerebro.extract_worth(e cerebro.extract) RETURNS double precision
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN e.seconds OPERATOR(pg_catalog.*) (e.n_used OPERATOR(pg_catalog.+) 1)::double precision
		OPERATOR(pg_catalog./) GREATEST(e.bytes, 1)::double precision;
COMMENT ON FUNCTION cerebro.extract_worth(cerebro.extract) IS 'seconds that a column saves for each of its bytes: what saves least goes first';

ALTER TABLE cerebro.extract ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON cerebro.extract FOR SELECT
	USING (EXISTS (SELECT FROM cerebro.data_version v WHERE v.id OPERATOR(pg_catalog.=) data_version));
COMMENT ON POLICY visible ON cerebro.extract IS 'seen with the data version that it is of';
GRANT SELECT (id, rows, data_version, column_name, n_rows, n_train, width, n_values, bytes, seconds, n_used, owner, created_at, used_at)
	ON cerebro.extract TO PUBLIC;
GRANT SELECT (dimension, n_dimension) ON cerebro.extract TO PUBLIC;

CREATE VIEW cerebro.extracts WITH (security_invoker = true) AS
SELECT t.name AS task, e.data_version, NULLIF(e.column_name, '') AS column_name, e.n_rows, e.width,
	NULLIF(e.n_values, 0) AS n_values, NULLIF(e.n_dimension, 0) AS n_dimension, e.bytes, e.seconds, e.n_used,
	e.seconds OPERATOR(pg_catalog.*) e.n_used::double precision AS seconds_saved,
	e.created_at, e.used_at
FROM cerebro.extract e
JOIN cerebro.data_version v ON v.id OPERATOR(pg_catalog.=) e.data_version
JOIN cerebro.task t ON t.id OPERATOR(pg_catalog.=) v.task;
COMMENT ON VIEW cerebro.extracts IS 'columns that are kept coded, so that no training reads them again; without a name: keys and labels of the rows';
COMMENT ON COLUMN cerebro.extracts.task IS 'the task whose rows they are';
COMMENT ON COLUMN cerebro.extracts.data_version IS 'the data version that was read';
COMMENT ON COLUMN cerebro.extracts.column_name IS 'as FE named it when it was read; NULL: keys and labels';
COMMENT ON COLUMN cerebro.extracts.n_rows IS 'training and validation rows';
COMMENT ON COLUMN cerebro.extracts.width IS 'bytes of a row';
COMMENT ON COLUMN cerebro.extracts.n_values IS 'different values, where rows are codes of them';
COMMENT ON COLUMN cerebro.extracts.n_dimension IS 'rows of the joined table as far as they differ, where the column is kept once for each of them; of a name with *: which of them each row found';
COMMENT ON COLUMN cerebro.extracts.bytes IS 'all that is kept of it';
COMMENT ON COLUMN cerebro.extracts.seconds IS 'its share of the read that brought it';
COMMENT ON COLUMN cerebro.extracts.n_used IS 'trainings that did not read it again';
COMMENT ON COLUMN cerebro.extracts.seconds_saved IS 'seconds times n_used';
COMMENT ON COLUMN cerebro.extracts.created_at IS 'when it was read';
COMMENT ON COLUMN cerebro.extracts.used_at IS 'when it was last used: what saves least goes first';
GRANT SELECT ON cerebro.extracts TO PUBLIC;
