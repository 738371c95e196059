-- What versions foretold in the daily run, which version a run began with, and what somebody should look at.

CREATE TABLE run_versions (
    run_id text NOT NULL,
    family text NOT NULL,
    model_version_id bigint REFERENCES model_versions (id),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, family)
);
COMMENT ON TABLE run_versions IS 'The version of each family that a run of model_execution began with and keeps, whatever is promoted meanwhile.';
COMMENT ON COLUMN run_versions.run_id IS 'Airflow run';
COMMENT ON COLUMN run_versions.family IS 'Model family';
COMMENT ON COLUMN run_versions.model_version_id IS 'model_versions.id promoted then; NULL when none was';
COMMENT ON COLUMN run_versions.recorded_at IS 'Wall clock of the write';

ALTER TABLE model_runs ADD COLUMN model_version_id bigint REFERENCES model_versions (id);
ALTER TABLE model_runs ADD COLUMN waiver text;
ALTER TABLE model_runs_history ADD COLUMN model_version_id bigint;
ALTER TABLE model_runs_history ADD COLUMN waiver text;
ALTER TABLE pending_model_runs ADD COLUMN model_version_id bigint;
ALTER TABLE pending_model_runs ADD COLUMN waiver text;
CREATE INDEX model_runs_waived ON model_runs (session_date) WHERE waiver IS NOT NULL;
COMMENT ON COLUMN model_runs.model_version_id IS 'model_versions.id it predicted with; NULL for a rule, which has none';
COMMENT ON COLUMN model_runs.waiver IS 'Name and reason, when that version was promoted although the gate refused it';
COMMENT ON COLUMN model_runs_history.model_version_id IS 'As in model_runs';
COMMENT ON COLUMN model_runs_history.waiver IS 'As in model_runs';
COMMENT ON COLUMN pending_model_runs.model_version_id IS 'As in model_runs';
COMMENT ON COLUMN pending_model_runs.waiver IS 'As in model_runs';

CREATE TABLE predictions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_version_id bigint NOT NULL REFERENCES model_versions (id),
    symbol text NOT NULL,
    session_date date NOT NULL,
    horizon integer NOT NULL CHECK (horizon BETWEEN 1 AND 252),
    q10 double precision CHECK (abs(q10) < 1e6),
    q50 double precision CHECK (abs(q50) < 1e6),
    q90 double precision CHECK (abs(q90) < 1e6),
    score double precision NOT NULL CHECK (abs(score) < 1e300),
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (model_version_id, session_date, symbol, horizon)
);
CREATE INDEX predictions_session ON predictions (session_date);
COMMENT ON TABLE predictions IS 'What a version foretold at a session''s close, a row per horizon; none where it had no opinion.';
COMMENT ON COLUMN predictions.id IS 'Surrogate key';
COMMENT ON COLUMN predictions.model_version_id IS 'model_versions.id';
COMMENT ON COLUMN predictions.symbol IS 'Ticker';
COMMENT ON COLUMN predictions.session_date IS 'Session at whose close it was foretold';
COMMENT ON COLUMN predictions.horizon IS 'Sessions between the two prices of the return foretold, the first one the next session''s';
COMMENT ON COLUMN predictions.q10 IS 'Return that one in ten stays below, a fraction; NULL for a family without quantiles';
COMMENT ON COLUMN predictions.q50 IS 'Median return, a fraction; NULL for a family without quantiles';
COMMENT ON COLUMN predictions.q90 IS 'Return that nine in ten stay below, a fraction; NULL for a family without quantiles';
COMMENT ON COLUMN predictions.score IS 'What symbols are ranked by within a session, higher is better; any scale';
COMMENT ON COLUMN predictions.confidence IS 'From 0 to 1, by the family''s own stated rule';
COMMENT ON COLUMN predictions.created_at IS 'Wall clock of the write; rows are written in session order';

CREATE TABLE predictions_history (
    LIKE predictions INCLUDING CONSTRAINTS INCLUDING COMMENTS,
    superseded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, superseded_at)
);
COMMENT ON TABLE predictions_history IS 'Predictions as they were before a restatement.';
COMMENT ON COLUMN predictions_history.superseded_at IS 'Wall clock of the restatement';

CREATE TABLE prediction_gaps (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_version_id bigint NOT NULL REFERENCES model_versions (id),
    session_date date NOT NULL CHECK (session_date < '2200-01-01'),
    symbol text NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (model_version_id, session_date, symbol)
);
CREATE INDEX prediction_gaps_session ON prediction_gaps (session_date);
COMMENT ON TABLE prediction_gaps IS 'Members of the universe at a session about which a version had no opinion, and why.';
COMMENT ON COLUMN prediction_gaps.id IS 'Surrogate key';
COMMENT ON COLUMN prediction_gaps.model_version_id IS 'model_versions.id, whose family it is';
COMMENT ON COLUMN prediction_gaps.session_date IS 'Session at whose close there was none';
COMMENT ON COLUMN prediction_gaps.symbol IS 'Ticker';
COMMENT ON COLUMN prediction_gaps.reason IS 'In words, with the first feature that is missing';
COMMENT ON COLUMN prediction_gaps.created_at IS 'Wall clock of the write; rows are written in session order';

CREATE TABLE prediction_gaps_history (
    LIKE prediction_gaps INCLUDING CONSTRAINTS INCLUDING COMMENTS,
    superseded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, superseded_at)
);
COMMENT ON TABLE prediction_gaps_history IS 'Gaps as they were before a restatement.';
COMMENT ON COLUMN prediction_gaps_history.superseded_at IS 'Wall clock of the restatement';

CREATE VIEW check_predictions_look_ahead AS
SELECT p.id, p.model_version_id, p.symbol, p.session_date, v.seen_until
FROM predictions p JOIN model_versions v ON v.id = p.model_version_id
WHERE p.session_date < v.seen_until;
COMMENT ON VIEW check_predictions_look_ahead IS 'Predictions of sessions whose future their version has learnt from.';

CREATE TABLE pending_predictions (
    model_id bigint NOT NULL REFERENCES models (id),
    run_id text NOT NULL,
    model_version_id bigint NOT NULL,
    symbol text NOT NULL,
    session_date date NOT NULL,
    horizon integer NOT NULL,
    q10 double precision,
    q50 double precision,
    q90 double precision,
    score double precision,
    confidence double precision,
    reason text,
    CHECK ((score IS NULL) <> (reason IS NULL)),
    PRIMARY KEY (model_id, run_id, symbol, session_date, horizon)
);
COMMENT ON TABLE pending_predictions IS 'Predictions, and where there is none, handed from execute_strategies to store_trading_signals of the same run; gone once published.';
COMMENT ON COLUMN pending_predictions.model_id IS 'models.id';
COMMENT ON COLUMN pending_predictions.run_id IS 'Airflow run they belong to';
COMMENT ON COLUMN pending_predictions.model_version_id IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.symbol IS 'Ticker';
COMMENT ON COLUMN pending_predictions.session_date IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.horizon IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.q10 IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.q50 IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.q90 IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.score IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.confidence IS 'As in predictions';
COMMENT ON COLUMN pending_predictions.reason IS 'As in prediction_gaps; NULL with a prediction';

CREATE TABLE alerts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{2,60}$'),
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),
    message text NOT NULL CHECK (length(message) BETWEEN 1 AND 4000),
    value double precision CHECK (abs(value) < 1e300),
    threshold double precision CHECK (abs(threshold) < 1e300),
    session_date date,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz CHECK (closed_at >= opened_at AND closed_at < '2200-01-01')
);
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE closed_at IS NULL;
COMMENT ON TABLE alerts IS 'What somebody should look at: open until what it warns of is over. At most one is open per kind and subject.';
COMMENT ON COLUMN alerts.id IS 'Surrogate key';
COMMENT ON COLUMN alerts.kind IS 'What is wrong: model_blocked, artifact_refused, training_failed, tracking_failed, feature_drift, ...';
COMMENT ON COLUMN alerts.severity IS 'info; warning: results may suffer; critical: something does not run';
COMMENT ON COLUMN alerts.subject IS 'With what: a model, a feature, a family';
COMMENT ON COLUMN alerts.message IS 'In words, with the remedy';
COMMENT ON COLUMN alerts.value IS 'What was measured last; NULL where nothing is';
COMMENT ON COLUMN alerts.threshold IS 'What it should have kept to';
COMMENT ON COLUMN alerts.session_date IS 'Session it was last seen in; NULL where it belongs to none';
COMMENT ON COLUMN alerts.opened_at IS 'Wall clock of the opening';
COMMENT ON COLUMN alerts.updated_at IS 'Wall clock of the last time it was seen';
COMMENT ON COLUMN alerts.closed_at IS 'Wall clock of its end; NULL while open';

ALTER TABLE stage_runs DROP CONSTRAINT stage_runs_status_check;
ALTER TABLE stage_runs ADD CONSTRAINT stage_runs_status_check CHECK (status IN ('running', 'completed', 'failed', 'blocked'));
COMMENT ON COLUMN stage_runs.status IS 'completed; running: some of its steps are done; failed: the last try ended with the error in detail; blocked: a model that may not run yet, with the reason in detail';

GRANT INSERT ON run_versions, predictions, predictions_history, prediction_gaps, prediction_gaps_history,
    pending_predictions, alerts TO quant_writer;
GRANT DELETE ON predictions, prediction_gaps, pending_predictions TO quant_writer;
GRANT UPDATE (severity, message, value, threshold, session_date, updated_at, closed_at) ON alerts TO quant_writer, quant_trainer;
GRANT INSERT ON alerts TO quant_trainer;
GRANT UPDATE (model_version_id, waiver) ON model_runs TO quant_writer;
