#!/bin/sh
# Products of bf16: trained where the processor has them, refused elsewhere.
. "$TEST_LIB/tap.sh"
. "$TEST_LIB/train.sh"

server_start 'cerebro.reuse = off'
psql -X -q -v ON_ERROR_STOP=1 >/dev/null 2>&1 <<'SQL'
CREATE EXTENSION cerebro;
CREATE ROLE ann LOGIN;
CREATE TABLE point AS
	SELECT i AS id, sin(i) AS a, cos(i * 1.3) AS b, 'k' || i % 20 AS kind, sin(i) + cos(i * 1.3) / 2 > 0.2 AS good
	FROM generate_series(1, 20000) i;
ALTER TABLE point ADD PRIMARY KEY (id);
GRANT SELECT ON point TO ann;
GRANT CREATE ON SCHEMA public TO ann;
SET ROLE ann;
SELECT cerebro.create_task('good', source => 'SELECT * FROM point', label => 'good');
SQL
PGUSER=ann
QUIET='SET client_min_messages = error'
TRIPLE='AS mlp(64, 48) PT epochs = 3, patience = 0, dropout = 0'

if grep -qw avx512_bf16 /proc/cpuinfo; then
	for threads in 1 2; do
		psql_value "$QUIET; SET cerebro.threads = $threads; SELECT cerebro.train('good', '$TRIPLE, products = bf16')" >/dev/null
	done
	psql_value "$QUIET; SELECT cerebro.train('good', '$TRIPLE')" >/dev/null
	is "$(psql_value "SELECT string_agg(kernel_class, ' ' ORDER BY id) FROM cerebro.models")" 'avx512_bf16 avx512_bf16 avx512' 'the kernel class says so'
	is "$(psql_value "SELECT count(DISTINCT p.content) FROM cerebro.model_part p JOIN cerebro.models m ON m.id = p.model
		WHERE p.kind = 'valid_scores' AND m.kernel_class = 'avx512_bf16'")" 1 'two threads make the bits of one'
	is "$(psql_value "SELECT count(DISTINCT training) FROM cerebro.model")" 2 'another training than that of floats'
	is "$(psql_value 'SELECT max(valid_log_loss) - min(valid_log_loss) < 0.01 AND max(valid_auc) - min(valid_auc) < 0.002 FROM cerebro.models')" t 'nearly the same quality'
	psql_value "$QUIET; SELECT cerebro.deploy((SELECT min(id) FROM cerebro.models), 'public.quick')" >/dev/null
	is "$(psql_value 'SELECT bool_and(public.quick(point) BETWEEN 0 AND 1) FROM point' 2>&1)" t 'it answers'
else
	like "$(psql_value "$QUIET; SELECT cerebro.train('good', '$TRIPLE, products = bf16')")" 'this processor has no instructions for it' 'refused'
	is "$(psql_value 'SELECT count(*) FROM cerebro.models')" 0 'no model'
fi
done_testing
