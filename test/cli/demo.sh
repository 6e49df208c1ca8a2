#!/bin/sh
# The demo over made-up flights: told to its end, again over itself, stopped.
set -u
cd "$(dirname "$0")/../.." || exit 1
. test/cli/lib.sh
F=$WORK/flights
mkdir "$F"

awk 'BEGIN { print "carrier,name"; print "AA,Alpha Air"; print "9E,Beta Air" }' >"$F/airlines.csv"
awk 'BEGIN { print "faa,name,lat,lon,alt,tz,dst,tzone"
	for (i = 0; i < 40; i++) print "X" (10 + i) ",Port " (i % 30) "," (30 + i % 7) ".5,-" (80 + i % 9) ".25," (i * 10) ",-5,A,America/New_York"
	print "EWR,Newark,40.7,-74.2,18,-5,A,America/New_York"; print "JFK,Kennedy,40.6,-73.8,13,-5,A,America/New_York" }' >"$F/airports.csv"
awk 'BEGIN { print "tailnum,year,type,manufacturer,model,engines,seats,speed,engine"
	for (i = 1; i <= 60; i++) print "N" (100 + i) "," (i % 9 ? 1990 + i % 20 : "NA") ",Fixed,Maker " (i % 3) ",M" (i % 7) ",2," (50 + i % 5 * 40) ",NA,Turbo" }' >"$F/planes.csv"
# hour HH of day D as UTC
awk 'BEGIN { print "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour"
	for (d = 1; d <= 28; d++) for (h = 6; h < 20; h++) for (o = 0; o < 2; o++)
		print (o ? "EWR" : "JFK") ",2013,1," d "," h "," (20 + d % 13 + 0.02) "," (10 + h) ",60.5," ((d * h) % 36 * 10) "," (h % 9) ".5,NA,0," (1000 + d) ".2,10," sprintf("2013-01-%02dT%02d:00:00Z", d, h) }' >"$F/weather.csv"
awk 'BEGIN { srand(7)
	print "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour"
	for (d = 1; d <= 28; d++) for (h = 6; h < 20; h++) for (k = 0; k < 12; k++) {
		late = int((rand() < (h > 15 ? 0.5 : 0.1)) * 60 + rand() * 10 - 5)
		print "2013,1," d "," (rand() < 0.02 ? "NA" : h * 100 + 5) "," (h * 100) "," late "," ((h + 2) * 100) "," ((h + 2) * 100) "," (rand() < 0.02 ? "NA" : late) "," (k % 2 ? "AA" : "9E") "," (k * 20 + h) ",N" (101 + (k * 7 + d) % 70) "," (k % 3 ? "EWR" : "JFK") ",X" (10 + (k + h) % 44) "," (100 + k) "," (500 + k * 10) "," h ",0," sprintf("2013-01-%02dT%02d:00:00Z", d, h) } }' >"$F/flights.csv"

ends 1 'no flights there' "$CEREBRO" demo "$WORK"
like "$OUT" 'hint: .*fetch-flights' 'the hint says how to get them'
ends 0 'the whole story' "$CEREBRO" demo "$F"
like "$OUT" '4,704 rows +19 columns' 'the flights are in'
like "$OUT" 'SELECT cerebro.create_task' 'its SQL is shown'
like "$OUT" '^ +1 +[123] +FE' 'a leaderboard'
like "$OUT" 'late\(flight\)' 'a deployment'
like "$OUT" 'Alpha Air +[0-9]+ ' 'hits by airline'
like "$OUT" 'Done in [0-9]+ seconds' 'an end'
like "$OUT" "^  $CEREBRO sql  " 'lines to go on with, as this program is called'
is "$(sql "SELECT count(*) FROM demo.scored WHERE p_late BETWEEN 0 AND 1")" 4704 'every flight has its score'
is "$(sql "SELECT count(DISTINCT part) FROM demo.scored")" 3 'and its part'
is "$(sql "SELECT max(openings) FROM cerebro.leaderboard('late')")" 1 'the sealed flights were opened once'
is "$(sql "SELECT (avg(p_late) FILTER (WHERE departure_minute > 960) > 0.3 AND avg(p_late) FILTER (WHERE departure_minute <= 960) < 0.2)::text FROM demo.scored WHERE part = 'test'")" true 'it learnt what there was to learn'
ends 0 'the same again' "$CEREBRO" demo "$F"
is "$(sql "SELECT count(*) FROM cerebro.tasks")" 1 'replaces the first'
is "$(printf '%s' "$OUT" | grep -c "$(printf '\033')")" 0 'no colours but on a terminal'

# Ctrl-C while it trains
"$CEREBRO" demo "$F" >"$WORK/out" 2>&1 &
demo=$!
while kill -0 $demo 2>/dev/null && ! grep -q 'mlp(256' "$WORK/out"; do sleep 0.02; done
start=$(date +%s%N)
kill -INT $demo
wait $demo
code=$?
ms=$((($(date +%s%N) - start) / 1000000))
is "$code" 130 'Ctrl-C ends it'
holds "within a second (it was $ms ms)" test "$ms" -lt 1000
is "$(sql "SELECT count(*) FROM cerebro.progress")" 0 'nothing trains on'
ends 0 'and it can be told again' "$CEREBRO" demo "$F"

sql "SELECT cerebro.drop_task('late')" >/dev/null 2>&1
"$CEREBRO" sql -q -c 'DROP SCHEMA demo CASCADE' -c "SELECT cerebro.drop_task('late')" -c 'CREATE TABLE mine AS SELECT i AS id, i % 2 AS y, random() AS x FROM generate_series(1, 500) i' \
	-c "SELECT cerebro.create_task('late', 'SELECT * FROM mine', 'y', key => '{id}')" >/dev/null 2>&1
ends 1 'a task of that name that is not the demo' "$CEREBRO" demo "$F"
is "$(sql "SELECT count(*) FROM cerebro.tasks")" 1 'it stays'
finish
