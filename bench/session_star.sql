-- A generated star of 10^6 rows in the form of the flights, so that session_trace.txt fits it: skewed keys, NULLs, a
-- label that depends on the fact table, on each dimension and on noise.
CREATE FUNCTION u(i bigint, k int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended(i, k) & 1048575) / 1048576.0;

CREATE TABLE planes AS
	SELECT 'N' || i AS tailnum, CASE WHEN u(i, 1) < 0.95 THEN 1960 + (u(i, 2) * 53)::int END AS year, 'maker ' || (u(i, 3) ^ 3 * 30)::int AS manufacturer,
		1 + (u(i, 4) * 3)::int AS engines, 2 + (u(i, 5) * 400)::int AS seats, 'engine ' || (u(i, 6) * 5)::int AS engine
	FROM generate_series(1, 5000) i;
CREATE TABLE weather AS
	SELECT 'O' || o AS origin, timestamptz '2013-01-01 00:00+00' + h * interval '1 hour' AS time_hour,
		round((50 + 25 * sin(h / 1400.0) + 15 * (u(h * 3 + o, 11) - 0.5))::numeric, 2)::float8 AS temp,
		CASE WHEN u(h * 3 + o, 12) < 0.98 THEN round(10 * u(h * 3 + o, 13) ^ 0.2) END AS visib, round(30 * u(h * 3 + o, 14) ^ 2) AS wind_speed,
		round((100 * u(h * 3 + o, 15))::numeric, 1)::float8 AS humid, 990 + round(40 * u(h * 3 + o, 16)) AS pressure
	FROM generate_series(0, 8759) h, generate_series(0, 2) o;
CREATE TABLE airports AS
	SELECT 'D' || i AS faa, 20 + 40 * u(i, 21) AS lat, (6000 * u(i, 22) ^ 4)::int AS alt FROM generate_series(0, 199) i;
ALTER TABLE planes ADD PRIMARY KEY (tailnum);
ALTER TABLE weather ADD PRIMARY KEY (origin, time_hour);
ALTER TABLE airports ADD PRIMARY KEY (faa);

CREATE TABLE flights AS
	WITH drawn AS MATERIALIZED (
		SELECT i AS id, timestamptz '2013-01-01 00:00+00' + floor(u(i, 31) * 8760) * interval '1 hour' AS time_hour, 'O' || floor(u(i, 32) * 3) AS origin,
			'D' || floor(u(i, 33) ^ 2 * 200) AS dest, 'N' || 1 + floor(u(i, 34) ^ 2 * 5000) AS tailnum, 'C' || floor(u(i, 35) ^ 2 * 16) AS carrier,
			floor(u(i, 36) * 60)::int AS minute, 90 + (u(i, 37) ^ 2 * 2500)::int AS distance
		FROM generate_series(1, 1000000) i)
	SELECT id, time_hour, origin, dest, tailnum, carrier, extract(month FROM time_hour)::int AS month, extract(day FROM time_hour)::int AS day,
		extract(hour FROM time_hour)::int AS hour, minute, distance,
		(extract(hour FROM time_hour)::int * 100 + distance / 8 + minute) % 2400 AS sched_arr_time,
		round((15 + 30 * (0.5 * sin(extract(hour FROM time_hour) / 4) + 0.4 * sin(distance / 300.0) + 0.3 * (extract(dow FROM time_hour) = 5)::int
			+ 0.6 * (wind_speed > 15)::int - 0.15 * coalesce(visib - 8, 0) + 0.4 * (temp < 35)::int + 0.3 * sin(lat) + 0.3 * (year > 2000)::int
			+ 0.5 * (u(hashtext(carrier), 41) - 0.5) + 0.5 * (u(hashtext(manufacturer), 42) - 0.5) + 3 * (u(id, 43) - 0.7)))::numeric) AS arr_delay
	FROM drawn JOIN weather USING (origin, time_hour) JOIN planes USING (tailnum) JOIN airports ON faa = dest;
ALTER TABLE flights ADD PRIMARY KEY (id);
