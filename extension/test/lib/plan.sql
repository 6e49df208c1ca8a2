-- A plan without what changes from run to run.
CREATE FUNCTION plan_of(query text, options text DEFAULT 'COSTS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
		line := regexp_replace(line, '(((score_row|predict)(_class|_proba)?|why(_row)?)\(|Model: )\d+', '\1N', 'g');
		IF line ~ '(Models|Shared):' THEN
			line := regexp_replace(line, '\d+', 'N', 'g');
		END IF;
		line := regexp_replace(line, 'Memory: \d+kB', 'Memory: N');
		line := regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1'); -- since 18
		CONTINUE WHEN line LIKE '%Disabled: true';
		RETURN NEXT regexp_replace(line, 'Network Time: \d+\.\d+ ms', 'Network Time: T');
	END LOOP;
END
$$;
