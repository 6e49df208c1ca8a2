-- A small table whose label a network can learn: trips are late by carrier and
-- hour.  Some carriers and taxi times are missing, one carrier is rare.
CREATE TABLE trips (
	id       integer PRIMARY KEY,
	carrier  text,
	hour     smallint,
	distance integer NOT NULL,
	taxi     double precision,
	delay    integer NOT NULL
);
INSERT INTO trips
	SELECT i,
		   CASE WHEN i % 17 <> 0 THEN (ARRAY['AA', 'B6', 'DL', 'UA', 'ZZ'])[1 + i * 7 % 29 / 7] END,
		   i * 13 % 24,
		   100 + i * 7919 % 2500,
		   CASE WHEN i % 5 <> 0 THEN 5 + (i * 31 % 97) / 7.0 END,
		   (i * 7 % 29 / 7) * 5 + i * 13 % 24 + i * 11 % 7 - 10
	FROM generate_series(1, 4000) i;
ANALYZE trips;

-- What an error says, with the numbers of models and deployments masked.
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(concat_ws(' | ', SQLSTATE, said, nullif(detail, ''), nullif(hint, '')),
		'(model|models|deployment|version|versions|and) \d+', '\1 N', 'g');
END
$$;
