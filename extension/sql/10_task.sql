-- Tasks: what is to be predicted.

CREATE FUNCTION cerebro.create_task(
	name        text,
	source      text,
	label       text,
	positive    text DEFAULT NULL,
	key         text[] DEFAULT NULL,
	exclude     text[] DEFAULT '{}',
	split       text DEFAULT 'random(0.7, 0.15, 0.15)',
	metric      text DEFAULT 'log_loss',
	as_of       text DEFAULT NULL,
	label_known text DEFAULT NULL
) RETURNS integer
	LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_create_task';
COMMENT ON FUNCTION cerebro.create_task(text, text, text, text, text[], text[], text, text, text, text) IS
	'defines what is to be predicted from which rows; returns the task''s id';

CREATE FUNCTION cerebro.refresh(task text) RETURNS integer
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_refresh';
COMMENT ON FUNCTION cerebro.refresh(text) IS
	'looks at the task''s rows as they are now and returns their data version: the newest one, or a new one where tables were written to';

CREATE FUNCTION cerebro.add_classes(task text, classes text[] DEFAULT NULL) RETURNS text[]
	LANGUAGE c VOLATILE PARALLEL UNSAFE COST 1000000
	AS 'MODULE_PATHNAME', 'cerebro_add_classes';
COMMENT ON FUNCTION cerebro.add_classes(text, text[]) IS
	'makes classes of the values that the task''s label has had since its classes were read, all or those named; returns them';

CREATE FUNCTION cerebro.rename_task(task text, new_name text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_rename_task';
COMMENT ON FUNCTION cerebro.rename_task(text, text) IS 'gives a task another name; nothing else changes';

CREATE FUNCTION cerebro.rename_task(task integer, new_name text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_rename_task_by_id';
COMMENT ON FUNCTION cerebro.rename_task(integer, text) IS 'the same by the task''s id, where several roles of which one is a member own one of its name';

CREATE FUNCTION cerebro.drop_task(name text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'cerebro_drop_task';
COMMENT ON FUNCTION cerebro.drop_task(text) IS 'removes a task with its models';

CREATE VIEW cerebro.tasks WITH (security_invoker = true) AS
	SELECT t.name, t.label, t.classes, t.key, t.split, t.split_cuts, t.metric,
		v.n_rows AS rows, t.relation, t.exclude, t.as_of, t.label_known, t.source, cerebro.owner_of(t.owner) AS owner, t.id, t.created_at
	FROM cerebro.task t
	LEFT JOIN LATERAL (
		SELECT d.n_rows FROM cerebro.data_version d
		WHERE d.task OPERATOR(pg_catalog.=) t.id
		ORDER BY d.id DESC LIMIT 1) v ON true;
COMMENT ON VIEW cerebro.tasks IS 'what is to be predicted: tasks of the roles of which one is a member';
GRANT SELECT ON cerebro.tasks TO PUBLIC;

CREATE FUNCTION cerebro.part(task text, "row" record) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'cerebro_part';
COMMENT ON FUNCTION cerebro.part(text, record) IS
	'the part of the data that a row belongs to: train, valid or test';
