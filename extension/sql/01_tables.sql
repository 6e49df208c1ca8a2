-- The archive: ordinary tables, each row with an owner and a row policy.
-- People read them (through views); only the extension's functions write, as
-- the extension's owner, so that what a row says cannot be forged.

CREATE SEQUENCE cerebro.task_id_seq AS integer;
CREATE TABLE cerebro.task (
	id          integer PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.task_id_seq'),
	name        text NOT NULL,
	owner       cerebro.owner NOT NULL,
	source      text NOT NULL,
	relation    regclass,
	query       text NOT NULL,
	n_columns   integer NOT NULL,
	label       text NOT NULL,
	classes     text[] NOT NULL,
	key         text[] NOT NULL,
	exclude     text[] NOT NULL,
	split       text NOT NULL,
	split_cuts  text[],
	hash_key    bigint NOT NULL,
	metric      text NOT NULL,
	as_of       text,
	label_known text,
	settings    text[] NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);
-- nobody's may be of one name: those of several roles that are gone
CREATE UNIQUE INDEX task_owner_name ON cerebro.task (owner, name) WHERE owner OPERATOR(pg_catalog.<>) 0::oid;
COMMENT ON INDEX cerebro.task_owner_name IS 'a name is one task of its owner; of roles that are gone any';
COMMENT ON TABLE cerebro.task IS 'what is to be predicted: a source of rows, a label, a key, a split';
COMMENT ON COLUMN cerebro.task.id IS 'number of the task';
COMMENT ON COLUMN cerebro.task.name IS 'its owner''s word for it: what functions take as task';
COMMENT ON COLUMN cerebro.task.owner IS 'the role that made it';
COMMENT ON COLUMN cerebro.task.source IS 'the query as its author wrote it';
COMMENT ON COLUMN cerebro.task.relation IS 'the one table or view that the source reads, where there is one';
COMMENT ON COLUMN cerebro.task.query IS 'the analysed source with its service columns (label, key, split, as_of, label_known), fully qualified';
COMMENT ON COLUMN cerebro.task.n_columns IS 'how many columns of query are the source''s own';
COMMENT ON COLUMN cerebro.task.label IS 'the expression that is predicted';
COMMENT ON COLUMN cerebro.task.classes IS 'label values in code order, those that were added later behind the others; of two classes the second is the positive one';
COMMENT ON COLUMN cerebro.task.key IS 'columns that identify a row';
COMMENT ON COLUMN cerebro.task.exclude IS 'columns that are not known when the prediction is made: no network uses them';
COMMENT ON COLUMN cerebro.task.split IS 'which rows train, validate and test';
COMMENT ON COLUMN cerebro.task.split_cuts IS 'where a split by time cuts, as the rows were when the task was made; NULL: another split, or cuts that split says itself';
COMMENT ON COLUMN cerebro.task.hash_key IS 'key of the hash by which rows are split: the same for each task, so that tasks over one key share their test rows';
COMMENT ON COLUMN cerebro.task.metric IS 'what orders the leaderboard: log_loss, auc or accuracy';
COMMENT ON COLUMN cerebro.task.as_of IS 'expression: when the prediction is made; NULL: FE is not cut by time';
COMMENT ON COLUMN cerebro.task.label_known IS 'expression: when the label was known; NULL: other rows'' labels are no features';
COMMENT ON COLUMN cerebro.task.settings IS 'session settings that change what the expressions mean, as name=value';
COMMENT ON COLUMN cerebro.task.created_at IS 'when it was made';

CREATE SEQUENCE cerebro.data_version_id_seq AS integer;
CREATE TABLE cerebro.data_version (
	id           integer PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.data_version_id_seq'),
	task         integer NOT NULL REFERENCES cerebro.task ON DELETE CASCADE,
	n_rows       bigint NOT NULL,
	class_rows   bigint[] NOT NULL,
	row_hash     bigint NOT NULL,
	valid_labels bytea,
	created_at   timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX data_version_task ON cerebro.data_version (task);
COMMENT ON INDEX cerebro.data_version_task IS 'versions of a tasks rows';
COMMENT ON TABLE cerebro.data_version IS 'the rows of a task as they were at one time';
COMMENT ON COLUMN cerebro.data_version.id IS 'number of the data version; of one task the highest is the newest';
COMMENT ON COLUMN cerebro.data_version.task IS 'the task whose rows they are';
COMMENT ON COLUMN cerebro.data_version.n_rows IS 'labelled rows of all parts';
COMMENT ON COLUMN cerebro.data_version.class_rows IS 'rows by part (train, valid, test) and class, [part][class]';
COMMENT ON COLUMN cerebro.data_version.row_hash IS 'sum over rows of a hash of key and label: differs when the rows do';
COMMENT ON COLUMN cerebro.data_version.valid_labels IS 'class of each validation row, two bytes, in row-key order';
COMMENT ON COLUMN cerebro.data_version.created_at IS 'when the rows were read';


CREATE TABLE cerebro.data_table (
	data_version integer NOT NULL REFERENCES cerebro.data_version ON DELETE CASCADE,
	relation     regclass NOT NULL,
	state        bytea NOT NULL,
	PRIMARY KEY (data_version, relation)
);
COMMENT ON TABLE cerebro.data_table IS 'the tables that the rows of a data version were read from, as far as their state can be told';
COMMENT ON COLUMN cerebro.data_table.data_version IS 'the data version that was read';
COMMENT ON COLUMN cerebro.data_table.relation IS 'none (-): the task''s query, where its tables tell what it gives';
COMMENT ON COLUMN cerebro.data_table.state IS 'hash that differs when something was written: equal states, equal rows';

CREATE TABLE cerebro.data_column (
	data_version integer NOT NULL REFERENCES cerebro.data_version ON DELETE CASCADE,
	column_name  text NOT NULL,
	content      bytea NOT NULL,
	PRIMARY KEY (data_version, column_name)
);
COMMENT ON TABLE cerebro.data_column IS 'what the columns of a data version held, as far as trainings have read them';
COMMENT ON COLUMN cerebro.data_column.data_version IS 'the data version that was read';
COMMENT ON COLUMN cerebro.data_column.column_name IS 'empty: keys, parts and labels';
COMMENT ON COLUMN cerebro.data_column.content IS 'hash of the values of training and validation rows, and their number';

CREATE TABLE cerebro.column_profile (
	data_version integer NOT NULL REFERENCES cerebro.data_version ON DELETE CASCADE,
	ordinal      integer NOT NULL,
	column_name  text NOT NULL,
	type         text NOT NULL,
	used_as      text NOT NULL,
	n_distinct   bigint,
	missing      real,
	association  real,
	note         text,
	PRIMARY KEY (data_version, ordinal)
);
COMMENT ON TABLE cerebro.column_profile IS 'what the columns of a data version look like';
COMMENT ON COLUMN cerebro.column_profile.data_version IS 'the data version that was looked at';
COMMENT ON COLUMN cerebro.column_profile.ordinal IS 'place of the column in the source, from 1; 0: the label, with the classes'' shares in note';
COMMENT ON COLUMN cerebro.column_profile.column_name IS 'name of the column; of the label its expression';
COMMENT ON COLUMN cerebro.column_profile.type IS 'its SQL type';
COMMENT ON COLUMN cerebro.column_profile.used_as IS 'what FE * makes of it: number, category or nothing; or why it leaves it out: label, key, split, excluded';
COMMENT ON COLUMN cerebro.column_profile.n_distinct IS 'different values of training and validation rows, NULL not counted; NULL: the column is not read';
COMMENT ON COLUMN cerebro.column_profile.missing IS 'share of rows, 0 to 1, in which it is NULL or NaN; NULL: the column is not read';
COMMENT ON COLUMN cerebro.column_profile.association IS 'how much it tells of the label, 0 to 1: mutual information less what chance gives; NULL: the column is not read';
COMMENT ON COLUMN cerebro.column_profile.note IS 'what to know: suspected leaks, constants, columns that others determine; NULL: nothing';

CREATE SEQUENCE cerebro.job_id_seq AS bigint;
CREATE TABLE cerebro.job (
	id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.job_id_seq'),
	task          integer NOT NULL REFERENCES cerebro.task ON DELETE CASCADE,
	mst           cerebro.mst NOT NULL,
	owner         cerebro.owner NOT NULL,
	login         cerebro.owner NOT NULL,
	is_background boolean NOT NULL,
	settings      text[] NOT NULL,
	status        text NOT NULL CHECK (status OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running', 'done', 'stopped', 'failed', 'cancelled'])),
	reason        text,
	model         integer,
	parent        integer,
	is_warm       boolean NOT NULL DEFAULT false,
	pid           integer,
	queued_at     timestamptz NOT NULL,
	started_at    timestamptz,
	ended_at      timestamptz,
	n_rows        bigint,
	n_epochs      integer,
	read_seconds  double precision,
	train_seconds double precision,
	cpu_seconds   double precision,
	planned_bytes bigint,
	peak_bytes    bigint
);
CREATE INDEX job_task ON cerebro.job (task);
COMMENT ON INDEX cerebro.job_task IS 'attempts of a task';
COMMENT ON TABLE cerebro.job IS 'every attempt to train: done, stopped early, failed or cancelled, and what it cost';
COMMENT ON COLUMN cerebro.job.id IS 'number of the attempt, for cerebro.cancel and cerebro.resume';
COMMENT ON COLUMN cerebro.job.task IS 'the task that it trains for';
COMMENT ON COLUMN cerebro.job.mst IS 'the triple that is trained';
COMMENT ON COLUMN cerebro.job.owner IS 'the role that asked, with whose rights it runs';
COMMENT ON COLUMN cerebro.job.login IS 'the role that had logged in';
COMMENT ON COLUMN cerebro.job.is_background IS 'by a background worker; false: in the session that asked';
COMMENT ON COLUMN cerebro.job.settings IS 'of the session that queued it, as name=value; empty: it ran in the session';
COMMENT ON COLUMN cerebro.job.status IS 'queued, running, done, stopped (early), failed or cancelled';
COMMENT ON COLUMN cerebro.job.reason IS 'why it ended so; NULL: nothing is to be said';
COMMENT ON COLUMN cerebro.job.model IS 'number of the model that it makes; there is none under it where it failed or was cancelled';
COMMENT ON COLUMN cerebro.job.parent IS 'the model that it is a change of; it may have been dropped since';
COMMENT ON COLUMN cerebro.job.is_warm IS 'whether it was to begin with that model''s weights';
COMMENT ON COLUMN cerebro.job.pid IS 'server process that trains or trained; NULL: it is queued';
COMMENT ON COLUMN cerebro.job.queued_at IS 'when it was asked for';
COMMENT ON COLUMN cerebro.job.started_at IS 'when it began; NULL: it is queued';
COMMENT ON COLUMN cerebro.job.ended_at IS 'when it ended; NULL: it has not';
COMMENT ON COLUMN cerebro.job.n_rows IS 'training and validation rows; NULL: it has not ended';
COMMENT ON COLUMN cerebro.job.n_epochs IS 'epochs that it went through; NULL: it has not ended';
COMMENT ON COLUMN cerebro.job.read_seconds IS 'that reading its rows took; NULL: it has not ended';
COMMENT ON COLUMN cerebro.job.train_seconds IS 'that its epochs took, without validation; NULL: it has not ended';
COMMENT ON COLUMN cerebro.job.cpu_seconds IS 'processor time of its engine, all threads together; NULL: it has not ended';
COMMENT ON COLUMN cerebro.job.planned_bytes IS 'memory that its engine was to hold at most, planned before the first epoch; NULL: it did not come so far';
COMMENT ON COLUMN cerebro.job.peak_bytes IS 'memory that its engine held at most; NULL: it has not ended';

CREATE SEQUENCE cerebro.model_id_seq AS integer;
CREATE TABLE cerebro.model (
	id             integer PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.model_id_seq'),
	task           integer NOT NULL REFERENCES cerebro.task ON DELETE CASCADE,
	data_version   integer NOT NULL REFERENCES cerebro.data_version ON DELETE CASCADE,
	job            bigint,
	training       bytea,
	mst            cerebro.mst NOT NULL,
	owner          cerebro.owner NOT NULL,
	n_weights      bigint NOT NULL,
	n_epochs       integer NOT NULL,
	best_epoch     integer NOT NULL,
	valid_log_loss double precision NOT NULL,
	valid_auc      double precision,
	valid_accuracy double precision NOT NULL,
	seconds        double precision NOT NULL,
	executor       text NOT NULL,
	kernel_class   text NOT NULL,
	version        text NOT NULL,
	query          text,
	parent         integer,
	change         cerebro.mst_change,
	start          text,
	start_log_loss double precision,
	effect         double precision,
	effect_error   double precision,
	request        cerebro.mst,
	temperature    double precision,
	created_at     timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX model_task ON cerebro.model (task);
COMMENT ON INDEX cerebro.model_task IS 'models of a task';
CREATE INDEX model_training ON cerebro.model (training);
COMMENT ON INDEX cerebro.model_training IS 'whether a training was done before';
CREATE INDEX model_parent ON cerebro.model (parent) WHERE parent IS NOT NULL;
COMMENT ON INDEX cerebro.model_parent IS 'what became of a model';
COMMENT ON TABLE cerebro.model IS 'every trained network';
COMMENT ON COLUMN cerebro.model.id IS 'number of the model: what functions take as model';
COMMENT ON COLUMN cerebro.model.task IS 'the task that it was trained for';
COMMENT ON COLUMN cerebro.model.data_version IS 'the rows that it learnt from';
COMMENT ON COLUMN cerebro.model.job IS 'the attempt that made it; NULL: an ensemble';
COMMENT ON COLUMN cerebro.model.training IS 'the artefact that it is the result of: equal means equal bits';
COMMENT ON COLUMN cerebro.model.mst IS 'the triple';
COMMENT ON COLUMN cerebro.model.owner IS 'whose it is';
COMMENT ON COLUMN cerebro.model.n_weights IS 'numbers that were learnt';
COMMENT ON COLUMN cerebro.model.n_epochs IS 'epochs that were trained; 0: an ensemble';
COMMENT ON COLUMN cerebro.model.best_epoch IS 'the one whose weights are kept; 0: an ensemble';
COMMENT ON COLUMN cerebro.model.valid_log_loss IS 'mean over validation rows, natural logarithm';
COMMENT ON COLUMN cerebro.model.valid_auc IS 'area under the ROC curve on validation rows; of many classes the mean of one against the rest; NULL: they have one class only';
COMMENT ON COLUMN cerebro.model.valid_accuracy IS 'share of validation rows, 0 to 1, whose most likely class is right';
COMMENT ON COLUMN cerebro.model.seconds IS 'of the engine: ordering and encoding rows, epochs, packing; 0: an ensemble';
COMMENT ON COLUMN cerebro.model.executor IS 'what trained it';
COMMENT ON COLUMN cerebro.model.kernel_class IS 'instruction set: bits are the same within one';
COMMENT ON COLUMN cerebro.model.version IS 'of cerebro that trained it';
COMMENT ON COLUMN cerebro.model.query IS 'what FE with JOIN, AGGREGATE or expressions reads: inputs, then the task''s own columns; NULL: columns of the task';
COMMENT ON COLUMN cerebro.model.parent IS 'the model that train_change made it of; it may have been dropped since';
COMMENT ON COLUMN cerebro.model.change IS 'from the parent''s triple to its own';
COMMENT ON COLUMN cerebro.model.start IS 'how it began: goes on, same function, near, from scratch';
COMMENT ON COLUMN cerebro.model.start_log_loss IS 'on validation rows before its first epoch, where it began with the parent''s weights';
COMMENT ON COLUMN cerebro.model.effect IS 'of its change: mean of its log-loss minus the parent''s over the same validation rows; NULL: the rows were others';
COMMENT ON COLUMN cerebro.model.effect_error IS 'standard error of that mean';
COMMENT ON COLUMN cerebro.model.request IS 'what was asked for, where that was AS auto: the triple is what it came to';
COMMENT ON COLUMN cerebro.model.temperature IS 'to which the mean of an ensemble''s members is brought, found on validation rows: p^(1/temperature) over their sum; 1: as it is; NULL: no ensemble';
COMMENT ON COLUMN cerebro.model.created_at IS 'when it was trained';

CREATE TABLE cerebro.model_grant (
	model     integer NOT NULL REFERENCES cerebro.model ON DELETE CASCADE,
	role      cerebro.owner NOT NULL,
	privilege text NOT NULL CHECK (privilege OPERATOR(pg_catalog.=) ANY (ARRAY['use', 'read', 'own'])),
	grantor   cerebro.owner NOT NULL,
	PRIMARY KEY (model, role)
);
CREATE TRIGGER to_nobody BEFORE INSERT ON cerebro.model_grant FOR EACH ROW
	WHEN (NEW.role OPERATOR(pg_catalog.=) 0::oid) EXECUTE FUNCTION cerebro.leave_out();
COMMENT ON TRIGGER to_nobody ON cerebro.model_grant IS 'a restored grant to a role that the cluster does not have';
COMMENT ON TABLE cerebro.model_grant IS 'who may use, read or own a model beside members of its owner; own has read, read has use';
COMMENT ON COLUMN cerebro.model_grant.model IS 'the model';
COMMENT ON COLUMN cerebro.model_grant.role IS 'who got it';
COMMENT ON COLUMN cerebro.model_grant.privilege IS 'use: predict; read: also see weights, lineage and comparisons; own: all of it';
COMMENT ON COLUMN cerebro.model_grant.grantor IS 'who gave it';

CREATE TABLE cerebro.epoch (
	model           integer NOT NULL REFERENCES cerebro.model ON DELETE CASCADE,
	epoch           integer NOT NULL,
	train_loss      double precision NOT NULL,
	valid_log_loss  double precision NOT NULL,
	valid_auc       double precision,
	valid_accuracy  double precision NOT NULL,
	seconds         double precision NOT NULL,
	rows_per_second double precision NOT NULL,
	state           bytea,
	PRIMARY KEY (model, epoch)
);
CREATE INDEX epoch_state ON cerebro.epoch (state);
COMMENT ON INDEX cerebro.epoch_state IS 'models that a state belongs to';
COMMENT ON TABLE cerebro.epoch IS 'how each model learnt, epoch by epoch';
COMMENT ON COLUMN cerebro.epoch.model IS 'the model';
COMMENT ON COLUMN cerebro.epoch.epoch IS 'which epoch, from 1';
COMMENT ON COLUMN cerebro.epoch.train_loss IS 'mean loss over training rows while they were trained with';
COMMENT ON COLUMN cerebro.epoch.valid_log_loss IS 'mean over validation rows after it, natural logarithm';
COMMENT ON COLUMN cerebro.epoch.valid_auc IS 'area under the ROC curve on validation rows after it; NULL: they have one class only';
COMMENT ON COLUMN cerebro.epoch.valid_accuracy IS 'share of validation rows, 0 to 1, whose most likely class is right after it';
COMMENT ON COLUMN cerebro.epoch.seconds IS 'that it took, without validation';
COMMENT ON COLUMN cerebro.epoch.rows_per_second IS 'training rows a second';
COMMENT ON COLUMN cerebro.epoch.state IS 'the artefact that weights and optimizer were after it; its bytes are in state_part, if they are kept';

CREATE TABLE cerebro.job_epoch (
	job             bigint NOT NULL REFERENCES cerebro.job ON DELETE CASCADE,
	epoch           integer NOT NULL,
	train_loss      double precision NOT NULL,
	valid_log_loss  double precision NOT NULL,
	valid_auc       double precision,
	valid_accuracy  double precision NOT NULL,
	seconds         double precision NOT NULL,
	rows_per_second double precision NOT NULL,
	state           bytea NOT NULL,
	has_made        boolean NOT NULL DEFAULT false,
	PRIMARY KEY (job, epoch)
);
CREATE INDEX job_epoch_state ON cerebro.job_epoch (state);
COMMENT ON INDEX cerebro.job_epoch_state IS 'jobs that a state belongs to';
COMMENT ON TABLE cerebro.job_epoch IS 'epochs of trainings in the background that have no model yet: cerebro.resume goes on from them';
COMMENT ON COLUMN cerebro.job_epoch.job IS 'the attempt';
COMMENT ON COLUMN cerebro.job_epoch.epoch IS 'which epoch, from 1';
COMMENT ON COLUMN cerebro.job_epoch.train_loss IS 'mean loss over training rows while they were trained with';
COMMENT ON COLUMN cerebro.job_epoch.valid_log_loss IS 'mean over validation rows after it, natural logarithm';
COMMENT ON COLUMN cerebro.job_epoch.valid_auc IS 'area under the ROC curve on validation rows after it; NULL: they have one class only';
COMMENT ON COLUMN cerebro.job_epoch.valid_accuracy IS 'share of validation rows, 0 to 1, whose most likely class is right after it';
COMMENT ON COLUMN cerebro.job_epoch.seconds IS 'that it took, without validation';
COMMENT ON COLUMN cerebro.job_epoch.rows_per_second IS 'training rows a second';
COMMENT ON COLUMN cerebro.job_epoch.state IS 'the artefact that weights and optimizer were after it';
COMMENT ON COLUMN cerebro.job_epoch.has_made IS 'whether the job has written the bytes of the state, and keeps them';

CREATE TABLE cerebro.content (
	id    bytea NOT NULL,
	chunk integer NOT NULL,
	bytes bytea NOT NULL,
	packing text NOT NULL DEFAULT 'whole' CHECK (packing OPERATOR(pg_catalog.=) ANY (ARRAY['whole', 'planes', 'change'])),
	base  bytea,
	PRIMARY KEY (id, chunk)
);
ALTER TABLE cerebro.content ALTER bytes SET STORAGE EXTERNAL;
CREATE INDEX content_base ON cerebro.content (base) WHERE base IS NOT NULL;
COMMENT ON INDEX cerebro.content_base IS 'changes that need these bytes';
COMMENT ON TABLE cerebro.content IS 'bytes by their SHA-256, in chunks of at most 1 MiB';
COMMENT ON COLUMN cerebro.content.id IS 'SHA-256 of all the bytes, unpacked';
COMMENT ON COLUMN cerebro.content.chunk IS 'which chunk of them, from 0';
COMMENT ON COLUMN cerebro.content.bytes IS 'the chunk, packed as packing says';
COMMENT ON COLUMN cerebro.content.packing IS 'whole: as they are; planes: like bytes of floats together, packed; change: the same of their XOR with base';
COMMENT ON COLUMN cerebro.content.base IS 'id of the content that a change is against; NULL: it is no change';

CREATE TABLE cerebro.model_part (
	model   integer NOT NULL REFERENCES cerebro.model ON DELETE CASCADE,
	ordinal integer NOT NULL,
	name    text NOT NULL,
	kind    text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['header', 'encoder', 'tensor', 'means', 'valid_scores'])),
	dims    bigint[] NOT NULL,
	content bytea NOT NULL,
	PRIMARY KEY (model, ordinal)
);
CREATE INDEX model_part_content ON cerebro.model_part (content);
COMMENT ON INDEX cerebro.model_part_content IS 'models that share bytes';
COMMENT ON TABLE cerebro.model_part IS 'what a model is made of: encoders, weights, scores of validation rows';
COMMENT ON COLUMN cerebro.model_part.model IS 'the model';
COMMENT ON COLUMN cerebro.model_part.ordinal IS 'place among its parts, from 0';
COMMENT ON COLUMN cerebro.model_part.name IS 'place in the network; of an ensemble behind the member''s number and a slash';
COMMENT ON COLUMN cerebro.model_part.kind IS 'header, encoder, tensor, means (of encoded numbers, shares of codes), valid_scores';
COMMENT ON COLUMN cerebro.model_part.dims IS 'sizes of a tensor, the outermost first; empty: it is no tensor';
COMMENT ON COLUMN cerebro.model_part.content IS 'id of the bytes in cerebro.content';

CREATE TABLE cerebro.ensemble_member (
	model   integer NOT NULL REFERENCES cerebro.model ON DELETE CASCADE,
	ordinal integer NOT NULL,
	member  integer NOT NULL,
	weight  double precision NOT NULL,
	mst     cerebro.mst NOT NULL,
	PRIMARY KEY (model, ordinal)
);
COMMENT ON TABLE cerebro.ensemble_member IS 'what an ensemble was made of: its parts are theirs, and stay when they are dropped';
COMMENT ON COLUMN cerebro.ensemble_member.model IS 'the ensemble';
COMMENT ON COLUMN cerebro.ensemble_member.ordinal IS 'which member, from 1';
COMMENT ON COLUMN cerebro.ensemble_member.member IS 'the model that it was; it may have been dropped since';
COMMENT ON COLUMN cerebro.ensemble_member.weight IS 'how much its probabilities count; together 1';
COMMENT ON COLUMN cerebro.ensemble_member.mst IS 'the member''s triple';

CREATE TABLE cerebro.artefact (
	id         bytea PRIMARY KEY,
	operation  text NOT NULL,
	parameters text NOT NULL,
	inputs     bytea[] NOT NULL,
	bytes      bigint,
	seconds    double precision,
	owner      cerebro.owner NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE cerebro.artefact IS 'what trainings made, under the SHA-256 of how it was made: the graph of lineage';
COMMENT ON COLUMN cerebro.artefact.id IS 'SHA-256 of operation, parameters and ids of inputs';
COMMENT ON COLUMN cerebro.artefact.operation IS 'what made it: rows, column, encoder, initial, start, epoch, training, metrics or scores';
COMMENT ON COLUMN cerebro.artefact.parameters IS 'of the operation, as text';
COMMENT ON COLUMN cerebro.artefact.inputs IS 'ids of what it was made from, in order';
COMMENT ON COLUMN cerebro.artefact.bytes IS 'of its content, where that is kept';
COMMENT ON COLUMN cerebro.artefact.seconds IS 'what making it took, where that was measured';
COMMENT ON COLUMN cerebro.artefact.owner IS 'who made it first';
COMMENT ON COLUMN cerebro.artefact.created_at IS 'when it was made first';

CREATE TABLE cerebro.model_artefact (
	model    integer NOT NULL REFERENCES cerebro.model ON DELETE CASCADE,
	artefact bytea NOT NULL,
	PRIMARY KEY (model, artefact)
);
CREATE INDEX model_artefact_artefact ON cerebro.model_artefact (artefact);
COMMENT ON INDEX cerebro.model_artefact_artefact IS 'models that an artefact is needed by';
COMMENT ON TABLE cerebro.model_artefact IS 'which artefacts a model came from: they stay as long as one such model does';
COMMENT ON COLUMN cerebro.model_artefact.model IS 'the model';
COMMENT ON COLUMN cerebro.model_artefact.artefact IS 'id of an artefact that it came from';

CREATE TABLE cerebro.state_part (
	state   bytea NOT NULL,
	ordinal integer NOT NULL,
	name    text NOT NULL,
	kind    text NOT NULL CHECK (kind OPERATOR(pg_catalog.=) ANY (ARRAY['state', 'tensor', 'moment1', 'moment2', 'best', 'average'])),
	dims    bigint[] NOT NULL,
	content bytea NOT NULL,
	PRIMARY KEY (state, ordinal)
);
CREATE INDEX state_part_content ON cerebro.state_part (content);
COMMENT ON INDEX cerebro.state_part_content IS 'states that share bytes';
COMMENT ON TABLE cerebro.state_part IS 'weights and optimizer after an epoch, where they are kept: trainings go on from them';
COMMENT ON COLUMN cerebro.state_part.state IS 'the artefact: weights and optimizer after an epoch';
COMMENT ON COLUMN cerebro.state_part.ordinal IS 'place among the state''s parts, from 0';
COMMENT ON COLUMN cerebro.state_part.name IS 'place in the network';
COMMENT ON COLUMN cerebro.state_part.kind IS 'tensor: weights; moment1, moment2: of the optimizer; best: weights of the best epoch; average: of averaged weights; state: counters';
COMMENT ON COLUMN cerebro.state_part.dims IS 'sizes of a tensor, the outermost first; empty: it is no tensor';
COMMENT ON COLUMN cerebro.state_part.content IS 'id of the bytes in cerebro.content';

CREATE SEQUENCE cerebro.evaluation_id_seq AS bigint;
CREATE TABLE cerebro.evaluation (
	id           bigint PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.evaluation_id_seq'),
	task         integer NOT NULL REFERENCES cerebro.task ON DELETE CASCADE,
	model        integer NOT NULL,
	data_version integer REFERENCES cerebro.data_version ON DELETE CASCADE,
	owner        cerebro.owner NOT NULL,
	n_rows       bigint NOT NULL,
	log_loss     double precision NOT NULL,
	auc          double precision,
	accuracy     double precision NOT NULL,
	opened_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX evaluation_task ON cerebro.evaluation (task);
COMMENT ON INDEX cerebro.evaluation_task IS 'openings of a tasks test rows';
CREATE INDEX evaluation_model ON cerebro.evaluation (model);
COMMENT ON INDEX cerebro.evaluation_model IS 'openings for a model';
COMMENT ON TABLE cerebro.evaluation IS 'every opening of a task''s test rows, and what was seen';
COMMENT ON COLUMN cerebro.evaluation.id IS 'number of the opening';
COMMENT ON COLUMN cerebro.evaluation.task IS 'whose test rows were opened';
COMMENT ON COLUMN cerebro.evaluation.model IS 'the model that was scored; the opening stays on record when it is dropped';
COMMENT ON COLUMN cerebro.evaluation.data_version IS 'NULL: that of a transaction that was rolled back';
COMMENT ON COLUMN cerebro.evaluation.owner IS 'the role that looked';
COMMENT ON COLUMN cerebro.evaluation.n_rows IS 'test rows with a label';
COMMENT ON COLUMN cerebro.evaluation.log_loss IS 'mean over test rows, natural logarithm';
COMMENT ON COLUMN cerebro.evaluation.auc IS 'area under the ROC curve on test rows; NULL: they have one class only';
COMMENT ON COLUMN cerebro.evaluation.accuracy IS 'share of test rows, 0 to 1, whose most likely class is right';
COMMENT ON COLUMN cerebro.evaluation.opened_at IS 'when';

CREATE SEQUENCE cerebro.deployment_id_seq AS integer;
CREATE TABLE cerebro.deployment (
	id         integer PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.deployment_id_seq'),
	schema     text NOT NULL,
	name       text NOT NULL,
	relation   regclass NOT NULL,
	model      integer NOT NULL REFERENCES cerebro.model,
	owner      cerebro.owner NOT NULL,
	quantiles  real[],
	layout     text NOT NULL DEFAULT 'fp32' CHECK (layout OPERATOR(pg_catalog.=) ANY (ARRAY['fp32', 'bf16', 'int8'])),
	rights     text NOT NULL DEFAULT 'invoker' CHECK (rights OPERATOR(pg_catalog.=) ANY (ARRAY['invoker', 'owner'])),
	kernel_class text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX deployment_model ON cerebro.deployment (model);
COMMENT ON INDEX cerebro.deployment_model IS 'where a model answers';
COMMENT ON TABLE cerebro.deployment IS 'which model answers; its functions name the deployment in their bodies';
COMMENT ON COLUMN cerebro.deployment.id IS 'number of the deployment: the functions'' bodies name it';
COMMENT ON COLUMN cerebro.deployment.schema IS 'where the functions were made';
COMMENT ON COLUMN cerebro.deployment.name IS 'as it was deployed; the function may have been renamed since';
COMMENT ON COLUMN cerebro.deployment.relation IS 'whose rows they take';
COMMENT ON COLUMN cerebro.deployment.model IS 'the model that answers now';
COMMENT ON COLUMN cerebro.deployment.owner IS 'who deployed that';
COMMENT ON COLUMN cerebro.deployment.quantiles IS 'of the positive class''s probability among validation rows, 0 to 100 %: for the planner';
COMMENT ON COLUMN cerebro.deployment.layout IS 'of the copy of the model''s weights that answers; fp32: the weights themselves';
COMMENT ON COLUMN cerebro.deployment.rights IS 'with which other tables are read: of who calls, or of the function''s owner';
COMMENT ON COLUMN cerebro.deployment.kernel_class IS 'instruction set of the processor where that was deployed: on another the last digits of scores may differ, and a session is told so';
COMMENT ON COLUMN cerebro.deployment.created_at IS 'when it was first deployed';

CREATE TABLE cerebro.model_copy (
	model      integer NOT NULL REFERENCES cerebro.model ON DELETE CASCADE,
	layout     text NOT NULL CHECK (layout OPERATOR(pg_catalog.=) ANY (ARRAY['bf16', 'int8'])),
	n_rows     bigint NOT NULL,
	full_loss  double precision,
	loss       double precision,
	differ     double precision,
	bytes      bigint NOT NULL,
	full_bytes bigint NOT NULL,
	made_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (model, layout)
);
COMMENT ON TABLE cerebro.model_copy IS 'copies of weights in fewer bytes that deployments answer with, and what they lose on validation rows';
COMMENT ON COLUMN cerebro.model_copy.model IS 'the model';
COMMENT ON COLUMN cerebro.model_copy.layout IS 'bf16: half the bytes; int8: about a quarter';
COMMENT ON COLUMN cerebro.model_copy.n_rows IS 'validation rows that were scored by both';
COMMENT ON COLUMN cerebro.model_copy.full_loss IS 'log-loss of the weights themselves; NULL: there was no row';
COMMENT ON COLUMN cerebro.model_copy.loss IS 'log-loss of the copy';
COMMENT ON COLUMN cerebro.model_copy.differ IS 'share of rows whose most likely class is another one';
COMMENT ON COLUMN cerebro.model_copy.bytes IS 'of its weights';
COMMENT ON COLUMN cerebro.model_copy.full_bytes IS 'of the weights themselves';
COMMENT ON COLUMN cerebro.model_copy.made_at IS 'when it was made';

CREATE TABLE cerebro.copy_part (
	model   integer NOT NULL,
	layout  text NOT NULL,
	ordinal integer NOT NULL,
	bytes   bytea NOT NULL,
	PRIMARY KEY (model, layout, ordinal),
	FOREIGN KEY (model, layout) REFERENCES cerebro.model_copy ON DELETE CASCADE
);
ALTER TABLE cerebro.copy_part ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE cerebro.copy_part IS 'matrices of a copy; other parts are the model''s own';
COMMENT ON COLUMN cerebro.copy_part.model IS 'the model';
COMMENT ON COLUMN cerebro.copy_part.layout IS 'of the copy: bf16 or int8';
COMMENT ON COLUMN cerebro.copy_part.ordinal IS 'of the part in cerebro.model_part';
COMMENT ON COLUMN cerebro.copy_part.bytes IS 'the matrix in that layout';

CREATE TABLE cerebro.deployment_event (
	deployment  integer NOT NULL REFERENCES cerebro.deployment ON DELETE CASCADE,
	ordinal     integer NOT NULL,
	model       integer NOT NULL,
	layout      text NOT NULL DEFAULT 'fp32',
	rights      text NOT NULL DEFAULT 'invoker',
	back_to     integer,
	owner       cerebro.owner NOT NULL,
	happened_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	PRIMARY KEY (deployment, ordinal)
);
COMMENT ON TABLE cerebro.deployment_event IS 'which models answered under a deployment, one after the other';
COMMENT ON COLUMN cerebro.deployment_event.deployment IS 'the deployment';
COMMENT ON COLUMN cerebro.deployment_event.ordinal IS 'which event of it, from 1';
COMMENT ON COLUMN cerebro.deployment_event.model IS 'it may have been dropped since';
COMMENT ON COLUMN cerebro.deployment_event.layout IS 'of the weights that answered';
COMMENT ON COLUMN cerebro.deployment_event.rights IS 'with which the model read other tables';
COMMENT ON COLUMN cerebro.deployment_event.back_to IS 'of a rollback: the event whose model came back';
COMMENT ON COLUMN cerebro.deployment_event.owner IS 'who did so';
COMMENT ON COLUMN cerebro.deployment_event.happened_at IS 'since when the model answered';

CREATE SEQUENCE cerebro.relationship_id_seq AS integer;
CREATE TABLE cerebro.relationship (
	id             integer PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.relationship_id_seq'),
	child          regclass NOT NULL,
	child_columns  text[] NOT NULL,
	parent         regclass NOT NULL,
	parent_columns text[] NOT NULL,
	owner          cerebro.owner NOT NULL,
	n_rows         bigint NOT NULL,
	n_matched      bigint NOT NULL,
	created_at     timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE UNIQUE INDEX relationship_owner ON cerebro.relationship (owner, child, child_columns, parent, parent_columns)
	WHERE owner OPERATOR(pg_catalog.<>) 0::oid;
COMMENT ON INDEX cerebro.relationship_owner IS 'a reference is said once by each role';
COMMENT ON TABLE cerebro.relationship IS 'references between tables that hold for most rows, though not for all';
COMMENT ON COLUMN cerebro.relationship.id IS 'number of the relationship, for cerebro.drop_relationship';
COMMENT ON COLUMN cerebro.relationship.child IS 'the table that refers';
COMMENT ON COLUMN cerebro.relationship.child_columns IS 'by these columns';
COMMENT ON COLUMN cerebro.relationship.parent IS 'to this table';
COMMENT ON COLUMN cerebro.relationship.parent_columns IS 'to these columns, in the order of child_columns';
COMMENT ON COLUMN cerebro.relationship.owner IS 'who declared it';
COMMENT ON COLUMN cerebro.relationship.n_rows IS 'child rows whose columns are all present';
COMMENT ON COLUMN cerebro.relationship.n_matched IS 'of those, how many have a parent';
COMMENT ON COLUMN cerebro.relationship.created_at IS 'when it was declared';

CREATE SEQUENCE cerebro.time_column_id_seq AS integer;
CREATE TABLE cerebro.time_column (
	id          integer PRIMARY KEY DEFAULT pg_catalog.nextval('cerebro.time_column_id_seq'),
	relation    regclass NOT NULL,
	column_name text NOT NULL,
	owner       cerebro.owner NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE UNIQUE INDEX time_column_owner ON cerebro.time_column (owner, relation) WHERE owner OPERATOR(pg_catalog.<>) 0::oid;
COMMENT ON INDEX cerebro.time_column_owner IS 'a table has one time column for each role';
COMMENT ON TABLE cerebro.time_column IS 'which column of a table tells when a row came to be known';
COMMENT ON COLUMN cerebro.time_column.id IS 'number of the time column';
COMMENT ON COLUMN cerebro.time_column.relation IS 'the table whose rows have a time';
COMMENT ON COLUMN cerebro.time_column.column_name IS 'the column that tells it';
COMMENT ON COLUMN cerebro.time_column.owner IS 'who declared it';
COMMENT ON COLUMN cerebro.time_column.created_at IS 'when it was declared';

COMMENT ON SEQUENCE cerebro.task_id_seq IS 'numbers of tasks';
COMMENT ON SEQUENCE cerebro.data_version_id_seq IS 'numbers of data versions';
COMMENT ON SEQUENCE cerebro.job_id_seq IS 'numbers of jobs: every attempt to train';
COMMENT ON SEQUENCE cerebro.model_id_seq IS 'numbers of models';
COMMENT ON SEQUENCE cerebro.evaluation_id_seq IS 'numbers of openings of test rows';
COMMENT ON SEQUENCE cerebro.deployment_id_seq IS 'numbers of deployments';
COMMENT ON SEQUENCE cerebro.relationship_id_seq IS 'numbers of relationships';
COMMENT ON SEQUENCE cerebro.time_column_id_seq IS 'numbers of time columns';
