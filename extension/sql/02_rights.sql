-- Rows are seen by members of their owner's role, models also by those to whom
-- they were granted; rows that hang on a task or model are seen with it, what a
-- model is made of by those who may read it.
DO $$
DECLARE
	t text;
	visible text;
	is_readable CONSTANT text := '(cerebro.is_mine(m.owner) OR EXISTS (SELECT FROM cerebro.model_grant g '
		'WHERE g.model OPERATOR(pg_catalog.=) m.id AND g.privilege OPERATOR(pg_catalog.<>) ''use'' AND cerebro.is_mine(g.role)))';
BEGIN
	FOR t, visible IN
		VALUES ('task', 'cerebro.is_mine(owner)'),
			   ('job', 'cerebro.is_mine(owner)'),
			   ('model_grant', 'cerebro.is_mine(role) OR cerebro.is_mine(grantor)'),
			   ('model', 'cerebro.is_mine(owner) OR EXISTS (SELECT FROM cerebro.model_grant g '
						 'WHERE g.model OPERATOR(pg_catalog.=) id AND cerebro.is_mine(g.role))'),
			   ('evaluation', 'EXISTS (SELECT FROM cerebro.task t WHERE t.id OPERATOR(pg_catalog.=) task) '
							  'OR EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model)'),
			   ('deployment', 'cerebro.is_mine(owner)'),
			   ('deployment_event', 'EXISTS (SELECT FROM cerebro.deployment d WHERE d.id OPERATOR(pg_catalog.=) deployment)'),
			   ('relationship', 'cerebro.is_mine(owner)'),
			   ('time_column', 'cerebro.is_mine(owner)'),
			   ('data_version', 'EXISTS (SELECT FROM cerebro.task t WHERE t.id OPERATOR(pg_catalog.=) task)'),
			   ('data_table', 'EXISTS (SELECT FROM cerebro.data_version v WHERE v.id OPERATOR(pg_catalog.=) data_version)'),
			   ('data_column', 'EXISTS (SELECT FROM cerebro.data_version v WHERE v.id OPERATOR(pg_catalog.=) data_version)'),
			   ('column_profile', 'EXISTS (SELECT FROM cerebro.data_version v WHERE v.id OPERATOR(pg_catalog.=) data_version)'),
			   ('epoch', 'EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model AND ' || is_readable || ')'),
			   ('model_part', 'EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model AND ' || is_readable || ')'),
			   ('model_copy', 'EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model AND ' || is_readable || ')'),
			   ('copy_part', 'EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model AND ' || is_readable || ')'),
			   ('ensemble_member', 'EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model AND ' || is_readable || ')'),
			   ('model_artefact', 'EXISTS (SELECT FROM cerebro.model m WHERE m.id OPERATOR(pg_catalog.=) model AND ' || is_readable || ')'),
			   ('artefact', 'EXISTS (SELECT FROM cerebro.model_artefact a WHERE a.artefact OPERATOR(pg_catalog.=) artefact.id)'),
			   ('job_epoch', 'EXISTS (SELECT FROM cerebro.job j WHERE j.id OPERATOR(pg_catalog.=) job)'),
			   ('state_part', 'EXISTS (SELECT FROM cerebro.epoch e WHERE e.state OPERATOR(pg_catalog.=) state_part.state) '
							  'OR EXISTS (SELECT FROM cerebro.job_epoch j WHERE j.state OPERATOR(pg_catalog.=) state_part.state)'),
			   ('content', 'EXISTS (SELECT FROM cerebro.model_part p WHERE p.content OPERATOR(pg_catalog.=) content.id) '
						   'OR EXISTS (SELECT FROM cerebro.state_part s WHERE s.content OPERATOR(pg_catalog.=) content.id)')
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE cerebro.%I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE pg_catalog.format('CREATE POLICY visible ON cerebro.%I FOR SELECT USING (%s)', t, visible);
		EXECUTE pg_catalog.format('COMMENT ON POLICY visible ON cerebro.%I IS %L', t, CASE
			WHEN visible OPERATOR(pg_catalog.~~) 'EXISTS (SELECT FROM cerebro.model m %' THEN 'seen with its model by those who may read that'
			WHEN visible OPERATOR(pg_catalog.~~) 'EXISTS%' THEN 'seen with what it belongs to'
			WHEN t OPERATOR(pg_catalog.=) 'model_grant' THEN 'seen by who gave it and by who got it'
			WHEN t OPERATOR(pg_catalog.=) 'model' THEN 'seen by members of its owner''s role, and by those to whom it was granted'
			ELSE 'seen by members of its owner''s role' END);
		EXECUTE pg_catalog.format('GRANT SELECT ON cerebro.%I TO PUBLIC', t);
		-- states of tables say nothing where the tables are restored
		PERFORM pg_catalog.pg_extension_config_dump(('cerebro.' || t)::regclass,
			CASE t WHEN 'data_table' THEN 'WHERE false'
				-- nor does what was said of tables that are gone
				WHEN 'relationship' THEN 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = child) '
					'AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = parent)'
				WHEN 'time_column' THEN 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)'
				ELSE '' END);
	END LOOP;
	FOREACH t IN ARRAY ARRAY['task', 'data_version', 'job', 'model', 'evaluation', 'deployment', 'relationship', 'time_column']
	LOOP
		PERFORM pg_catalog.pg_extension_config_dump(('cerebro.' || t || '_id_seq')::regclass, '');
	END LOOP;
END
$$;
