/*
 * demo.c
 *	  Flights of New York in 2013: which will arrive late?
 */
#include "demo.h"

#include <stddef.h>

const char *const demo_files[] = {"airlines.csv", "airports.csv", "planes.csv",
                                  "weather.csv",  "flights.csv",  NULL};

const char demo_start_text[] =
	"In 2013, 336,776 flights left New York's three airports. About one in "
	"four\narrived more than 15 minutes late. Can that be told before "
	"departure?\n\nA neural network will learn it from five related tables, "
	"inside PostgreSQL:\nno export, no Python, no copy of the data. Every "
	"command is shown before it runs.\n";

const char demo_import_text[] =
	"Flights refer to airlines, airports, planes and the hourly weather. The "
	"import\nreads types, missing values, keys and references off the "
	"files.\n";

const char *const demo_end[][2] = {
	{"sql", "look around: SELECT * FROM demo.scored LIMIT 5;"},
	{"import *.csv", "your own tables, then create_task, train, deploy"},
	{NULL, "how to describe other networks to train()"},
};

const demo_step demo_steps[] = {
	{.title = "Join the tables",
     .text = "One view brings together what is known about a flight: its "
             "plane, its destination,\nits airline and the weather at its "
             "hour. LEFT JOIN keeps flights whose plane or\nweather is "
             "unknown; the network learns to live with gaps.\n",
     .sql = "CREATE VIEW flight AS\n"
            "SELECT f.carrier, f.flight, f.time_hour, f.origin, f.dest,\n"
            "       f.month, f.day, f.distance,\n"
            "       extract(isodow FROM f.time_hour\n"
            "               AT TIME ZONE 'America/New_York')::int AS weekday,\n"
            "       f.sched_dep_time / 100 * 60 + f.sched_dep_time % 100\n"
            "         AS departure_minute,\n"
            "       f.sched_arr_time / 100 * 60 + f.sched_arr_time % 100\n"
            "         AS arrival_minute,\n"
            "       l.name AS airline,\n"
            "       a.lat AS dest_lat, a.lon AS dest_lon, a.alt AS dest_alt,\n"
            "       p.year AS plane_year, p.manufacturer, p.model, p.seats,\n"
            "       w.temp, w.dewp, w.humid, w.wind_dir, w.wind_speed,\n"
            "       w.wind_gust, w.precip, w.pressure, w.visib,\n"
            "       f.dep_time, f.dep_delay, f.arr_time, f.arr_delay, "
            "f.air_time\n"
            "FROM flights f\n"
            "LEFT JOIN airlines l ON l.carrier = f.carrier\n"
            "LEFT JOIN airports a ON a.faa = f.dest\n"
            "LEFT JOIN planes p ON p.tailnum = f.tailnum\n"
            "LEFT JOIN weather w ON w.origin = f.origin\n"
            "                   AND w.time_hour = f.time_hour",
     .kind = DEMO_COMMAND},
	{.title = "Say what is to be predicted",
     .text = "A task names the rows, the question (arr_delay > 15) and what "
             "identifies a row. What is\nknown only after departure is "
             "excluded: it would give the answer away. 70 % of the\nflights "
             "are for learning, 15 % for choosing between networks, 15 % are "
             "sealed until the end.\n",
     .sql = "SELECT cerebro.create_task('late',\n"
            "  source  => 'SELECT * FROM flight WHERE arr_delay IS NOT "
            "NULL',\n"
            "  label   => 'arr_delay > 15',\n"
            "  key     => '{carrier,flight,time_hour}',\n"
            "  exclude => '{dep_time,dep_delay,arr_time,air_time}')\n"
            "  AS task",
     .kind = DEMO_TRAIN},
	{.title = "Look at the data",
     .text = "What the columns hold, those first that say most about being "
             "late, each by itself\n(association: 0 nothing, 1 all). "
             "dep_delay would, so it was right to exclude it.\n",
     .sql = "SELECT column_name, used_as, n_distinct,\n"
            "       round(100 * missing::numeric, 1) AS missing_percent,\n"
            "       round(association::numeric, 3) AS association, note\n"
            "FROM cerebro.profile('late') WHERE used_as <> 'label'\n"
            "ORDER BY association DESC LIMIT 15",
     .kind = DEMO_TRAIN},
	{.title = "Train three networks",
     .text =
         "Each is one line of text: which columns to use (FE, here all), the "
         "network's layers (AS),\nhow it learns (PT). First a small one. "
         "It goes through the flights four times (epochs);\nlog-loss is "
         "its error on flights that it does not learn from: lower is "
         "better.\n",
     .sql = "SELECT cerebro.train('late',\n"
            "  'FE * AS mlp(32) PT adamw(lr = 0.002), epochs = 4') AS model",
     .kind = DEMO_TRAIN},
	{.text = "Two layers, and learning for longer:\n",
     .sql = "SELECT cerebro.train('late',\n"
            "  'FE * AS mlp(64, 32) PT adamw(lr = 0.002), epochs = 8') AS "
            "model",
     .kind = DEMO_TRAIN},
	{.text = "And a larger one:\n",
     .sql = "SELECT cerebro.train('late',\n"
            "  'FE * AS mlp(256, 128) PT adamw(lr = 0.001), epochs = 15') AS "
            "model",
     .kind = DEMO_TRAIN},
	{.title = "Compare them",
     .text = "On flights that none of them learnt from. log_loss punishes "
             "confident mistakes: lower is\nbetter. auc tells how well late "
             "flights are told from others: 0.5 is guessing, 1 perfect.\n"
             "Networks whose difference to the first could be luck are "
             "marked.\n",
     .sql = "SELECT rank, model, mst, round(log_loss::numeric, 4) AS "
            "log_loss,\n"
            "       round(auc::numeric, 4) AS auc,\n"
            "       round(100 * accuracy::numeric, 1) AS right_percent,\n"
            "       CASE WHEN rank > 1 AND is_within_noise THEN 'yes' ELSE "
            "'' END\n"
            "         AS maybe_luck, round(seconds::numeric, 1) AS seconds\n"
            "FROM cerebro.leaderboard('late')",
     .kind = DEMO_ROWS},
	{.title = "Put the best to work",
     .text = "It becomes an SQL function: late(row) is the probability of "
             "arriving late.\n",
     .sql = "SELECT cerebro.deploy(%MODEL%, 'late') AS function",
     .kind = DEMO_ROWS},
	{.title = "Open the sealed flights, once",
     .text = "Nobody has looked at these 15 % so far. The opening is "
             "recorded: who looks again and again\nand picks the best would "
             "fool himself.\n",
     .sql = "SELECT n_rows AS flights, round(log_loss::numeric, 4) AS "
            "log_loss,\n"
            "       round(auc::numeric, 4) AS auc,\n"
            "       round(100 * accuracy::numeric, 1) AS right_percent, "
            "openings\n"
            "FROM cerebro.evaluate(%MODEL%)",
     .kind = DEMO_ROWS},
	{.title = "Score every flight",
     .text = "A network in SQL is a function like any other: in SELECT, in "
             "WHERE, in a view.\n",
     .sql = "CREATE TABLE scored AS\n"
            "SELECT f.*, late(f) AS p_late, cerebro.part('late', f) AS "
            "part\n"
            "FROM flight f",
     .kind = DEMO_TRAIN},
	{.text = "Does it keep its promises? Sealed flights by promised risk, and "
             "how many really were late:\n",
     .sql = "SELECT CASE WHEN p_late < 0.1 THEN 'below 10 %'\n"
            "            WHEN p_late < 0.25 THEN '10 to 25 %'\n"
            "            WHEN p_late < 0.5 THEN '25 to 50 %'\n"
            "            ELSE 'above 50 %' END AS promised_risk,\n"
            "       count(*) AS flights,\n"
            "       round(100 * avg((arr_delay > 15)::int), 1) AS "
            "late_percent\n"
            "FROM scored WHERE part = 'test' AND arr_delay IS NOT NULL\n"
            "GROUP BY 1 ORDER BY min(p_late)",
     .kind = DEMO_ROWS},
	{.text = "How often it is right about each airline (sealed flights "
             "only):\n",
     .sql = "SELECT airline, count(*) AS flights,\n"
            "       round(100 * avg((arr_delay > 15)::int), 1) AS "
            "late_percent,\n"
            "       round(100 * avg(((p_late > 0.5) = (arr_delay > "
            "15))::int), 1)\n"
            "         AS hit_percent\n"
            "FROM scored WHERE part = 'test' AND arr_delay IS NOT NULL\n"
            "GROUP BY airline ORDER BY flights DESC",
     .kind = DEMO_ROWS},
	{0}};
