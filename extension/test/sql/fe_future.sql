-- Nothing of a row's future reaches its features, whatever FE says: rows to
-- come, and labels that are to be known, may be anything.
CREATE SCHEMA fe_future;
SET search_path = fe_future, cerebro, public;
SET client_min_messages = error;
SET TimeZone = 'UTC';

CREATE TABLE place (id int PRIMARY KEY, size int);
CREATE TABLE trip (id int PRIMARY KEY, place int NOT NULL REFERENCES place, car int, at timestamptz NOT NULL, km int, late boolean, cost float8);
CREATE TABLE sky (place int NOT NULL REFERENCES place, at timestamptz NOT NULL, temp float8, rain int, PRIMARY KEY (place, at));
CREATE TABLE service (car int, at timestamptz, price float8, kind text);
CREATE INDEX ON trip (place);
CREATE INDEX ON service (car);
INSERT INTO place SELECT i, i * 10 FROM generate_series(1, 4) i;
INSERT INTO trip
SELECT i, 1 + (hashint4(i) & 3), hashint4(i + 1000) & 7, '2024-01-01'::timestamptz + i * interval '1 hour', hashint4(i + 2000) & 127,
	hashint4(i + 3000) & 3 = 0, (hashint4(i + 4000) & 1023) / 7.0
FROM generate_series(1, 300) i;
INSERT INTO sky SELECT p, '2024-01-01'::timestamptz + h * interval '3 hours', hashint4(p * 1000 + h) & 31, hashint4(p * 1000 + h + 1) & 3
FROM generate_series(1, 4) p, generate_series(0, 110) h;
INSERT INTO service SELECT hashint4(i) & 7, '2024-01-01'::timestamptz + (hashint4(i + 1) & 1023) * interval '20 minutes', (hashint4(i + 2) & 255) / 3.0, 'kind ' || (hashint4(i + 3) & 1)
FROM generate_series(1, 300) i;
SELECT create_task('late', source => 'SELECT * FROM trip', label => 'late', exclude => '{cost}', as_of => 'at', label_known => 'at + interval ''3 hours''') > 0 AS made;
SELECT set_time('trip', 'at'), set_time('sky', 'at'), set_time('service', 'at');

-- one of some, by chance
CREATE FUNCTION one_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE
	RETURN choices[1 + floor(random() * cardinality(choices))::int];
CREATE FUNCTION some_aggregates(VARIADIC columns text[]) RETURNS text LANGUAGE sql VOLATILE
	RETURN (SELECT string_agg(format('v%s = (%s)', i, a), ', ') FROM (
		SELECT i, replace(one_of('count(*)', 'sum(%)', 'avg(%)', 'min(%)', 'max(%)', 'stddev(%)', 'count(DISTINCT %)',
			'percentile_cont(0.5) WITHIN GROUP (ORDER BY %)', 'sum(%) FILTER (WHERE % > 2)', 'max(at - source.at)', 'regr_slope(%, extract(epoch FROM at))'),
			'%', one_of(VARIADIC columns)) AS a
		FROM generate_series(1, 1 + floor(random() * 3)::int) i) v);
CREATE FUNCTION some_join(n int) RETURNS text LANGUAGE sql VOLATILE
	RETURN one_of(
		format('JOIN LAST sky t%1$s USING (place), t%1$s.temp, t%1$s.rain, e%1$s = (t%1$s.temp - t%1$s.rain)', n),
		format('JOIN LAST sky t%1$s ON (t%1$s.place = source.place AND t%1$s.rain > %2$s), t%1$s.temp, e%1$s = (source.at - t%1$s.at)', n, floor(random() * 3)),
		format('JOIN sky t%1$s ON (t%1$s.place = source.place AND t%1$s.at = date_trunc(''day'', source.at) + interval ''%2$s hours''), t%1$s.temp, t%1$s.rain', n, one_of('0', '6', '12', '21')),
		format('JOIN LAST trip t%1$s ON (t%1$s.car = source.car), t%1$s.km, t%1$s.at', n),
		format('JOIN LAST service t%1$s USING (car), t%1$s.price, t%1$s.kind', n),
		format('JOIN place t%1$s, t%1$s.size', n));
CREATE FUNCTION some_aggregate(n int) RETURNS text LANGUAGE sql VOLATILE
	RETURN one_of(
		format('AGGREGATE sky t%s VIA (place) (%s)', n, some_aggregates('temp', 'rain')),
		format('AGGREGATE service t%s VIA (car) (%s)', n, some_aggregates('price', 'length(kind)')),
		format('AGGREGATE trip t%s VIA (%s) (%s)', n, one_of('place', 'car', 'place, car'), some_aggregates('km', 'late::int', 'cost', 'km + late::int')),
		format('AGGREGATE trip t%s VIA (%s) (%s)', n, one_of('place', 'car'), some_aggregates('km', 'length(km::text)')))
		|| CASE WHEN random() < 0.3 THEN ' WHERE (at > ''2024-01-03'' OR extract(hour FROM at) < 12)' ELSE '' END
		|| CASE WHEN random() < 0.4 THEN format(' WINDOW ''%s''', one_of('5 hours', '2 days', '1 week', '1 month')) ELSE '' END;
CREATE FUNCTION some_fe() RETURNS text LANGUAGE sql VOLATILE
	RETURN 'FE km, hour = (extract(hour FROM at))' || (SELECT string_agg(CASE WHEN random() < 0.4 THEN ', ' || some_join(i) ELSE ', ' || some_aggregate(i) END, '')
		FROM generate_series(1, 1 + floor(random() * 2)::int) i);

CREATE FUNCTION features(query text, row_id int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT (to_jsonb(q) - '' label'' - '' label_known'')::text FROM (%s) q WHERE " key 1" = %s', query, row_id) INTO result;
	RETURN result;
END $$;
-- another future: rows go, come and change; labels, where they are not known yet
CREATE FUNCTION change_future(now timestamptz) RETURNS void LANGUAGE sql AS $$
	DELETE FROM sky WHERE at > now AND random() < 0.3;
	UPDATE sky SET temp = 1000 * random(), rain = 50 WHERE at > now;
	DELETE FROM service WHERE at >= now AND random() < 0.3;
	UPDATE service SET price = 1e6 * random(), kind = 'another kind' WHERE at >= now;
	INSERT INTO service SELECT c, now + h * interval '1 hour', 1e9, 'new' FROM generate_series(0, 7) c, generate_series(0, 20) h;
	DELETE FROM trip WHERE at > now AND random() < 0.3;
	UPDATE trip SET km = 10000 WHERE at > now;
	UPDATE trip SET late = NOT late, cost = -1e6 * random() WHERE at + interval '3 hours' > now;
$$;
-- n random FEs for the row of each number: those that saw its future
CREATE FUNCTION find_seers(n int, rows int[], ending text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	row_id int;
	fes text[];
	queries text[];
	before text[];
	seers text[];
BEGIN
	FOREACH row_id IN ARRAY rows LOOP
		SELECT array_agg(some_fe() || ending) INTO fes FROM generate_series(1, n);
		SELECT array_agg(feature_query('late', fe) ORDER BY i) INTO queries FROM unnest(fes) WITH ORDINALITY f (fe, i);
		SELECT array_agg(features(q, row_id) ORDER BY i) INTO before FROM unnest(queries) WITH ORDINALITY f (q, i);
		BEGIN
			PERFORM change_future((SELECT at FROM trip WHERE id = row_id));
			SELECT array_agg(fe) INTO seers FROM unnest(fes, queries, before) f (fe, q, b) WHERE features(q, row_id) IS DISTINCT FROM b;
			RAISE EXCEPTION USING ERRCODE = 'XX001';
		EXCEPTION WHEN SQLSTATE 'XX001' THEN
			RETURN QUERY SELECT row_id || ': ' || unnest(seers);
		END;
	END LOOP;
END $$;
SELECT setseed(0.5);
SELECT find_seers(50, '{3,17,30,45,60,75,90,105,120,135,150,165,180,195,210,225,240,255,270,285}', '');
-- and would be told: with rows of the future in sight, all do
SELECT count(*) FROM find_seers(20, '{40,140}', ', AGGREGATE sky u VIA (place) (u = sum(temp), n = max(rain)) UNCUT');

DELETE FROM time_column;
SELECT drop_task('late');
DROP SCHEMA fe_future CASCADE;
