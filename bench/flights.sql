-- nycflights13 as somebody who knows the data would declare it.
CREATE TABLE airlines (carrier text PRIMARY KEY, name text);
CREATE TABLE airports (faa text PRIMARY KEY, name text, lat float8, lon float8, alt integer, tz integer, dst text, tzone text);
CREATE TABLE planes (tailnum text PRIMARY KEY, year integer, type text, manufacturer text, model text,
	engines integer, seats integer, speed integer, engine text);
CREATE TABLE weather (origin text, year integer, month integer, day integer, hour integer, temp float8, dewp float8,
	humid float8, wind_dir integer, wind_speed float8, wind_gust float8, precip float8, pressure float8, visib float8,
	time_hour timestamptz, PRIMARY KEY (origin, time_hour));
CREATE TABLE flights (year integer, month integer, day integer, dep_time integer, sched_dep_time integer, dep_delay integer,
	arr_time integer, sched_arr_time integer, arr_delay integer, carrier text, flight integer, tailnum text, origin text,
	dest text, air_time integer, distance integer, hour integer, minute integer, time_hour timestamptz);

-- 22 features over the five tables, what is known before departure only, with the key and what the label is made of
CREATE VIEW late_source AS
SELECT f.month, f.day, f.hour, f.minute, f.sched_arr_time, f.distance, f.origin, f.dest,
	a.name AS airline,
	p.year AS plane_year, p.manufacturer, p.engines, p.seats, p.engine,
	w.temp, w.dewp, w.humid, w.wind_speed, w.visib, w.pressure,
	d.lat AS dest_lat, d.alt AS dest_alt,
	f.carrier, f.flight, f.time_hour, f.arr_delay
FROM flights f
LEFT JOIN airlines a ON a.carrier = f.carrier
LEFT JOIN planes p ON p.tailnum = f.tailnum
LEFT JOIN weather w ON w.origin = f.origin AND w.time_hour = f.time_hour
LEFT JOIN airports d ON d.faa = f.dest;
