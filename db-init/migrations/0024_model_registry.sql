-- Trained models: what was trained on what, how it did out of sample, which version is in use, and what it foretold.

-- The trainer reads everything, labels included, and writes what training makes; nobody else reads a label.
GRANT USAGE ON SCHEMA public TO quant_trainer;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO quant_trainer;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO quant_trainer;

CREATE TABLE training_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_key text NOT NULL UNIQUE CHECK (length(run_key) BETWEEN 1 AND 300),
    family text NOT NULL CHECK (family ~ '^[a-z][a-z0-9_]{0,60}$'),
    parameters jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    folds jsonb NOT NULL CHECK (jsonb_typeof(folds) = 'object'),
    asked jsonb NOT NULL CHECK (jsonb_typeof(asked) = 'object'),
    seed integer NOT NULL CHECK (seed BETWEEN 0 AND 2147483647),
    first_session date NOT NULL,
    last_session date NOT NULL CHECK (last_session > first_session AND last_session < '2200-01-01'),
    known_at timestamptz NOT NULL CHECK (known_at < '2200-01-01'),
    symbols integer NOT NULL CHECK (symbols BETWEEN 1 AND 1000000),
    rows_with_label bigint NOT NULL CHECK (rows_with_label BETWEEN 0 AND 1000000000000),
    data_version text NOT NULL CHECK (data_version ~ '^[0-9a-f]{16,64}$'),
    label_version text NOT NULL CHECK (label_version ~ '^[0-9a-f]{16,64}$'),
    code_version text NOT NULL CHECK (code_version ~ '^[0-9a-f]{16,64}$'),
    feature_set text NOT NULL,
    feature_set_version integer NOT NULL CHECK (feature_set_version BETWEEN 1 AND 1000000),
    trial_id bigint NOT NULL REFERENCES strategy_trials (id),
    findings jsonb CHECK (jsonb_typeof(findings) = 'array'),
    sharpe_per_session double precision CHECK (abs(sharpe_per_session) < 1e6),
    started_by text NOT NULL CHECK (length(started_by) BETWEEN 1 AND 200),
    tracking_run text,
    tracking_error text CHECK (length(tracking_error) BETWEEN 1 AND 4000),
    error text CHECK (length(error) BETWEEN 1 AND 4000),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
CREATE INDEX training_runs_family ON training_runs (family, id);
COMMENT ON TABLE training_runs IS 'One row per training: what was asked, on which data and code; a run without finished_at is under way or was killed.';
COMMENT ON COLUMN training_runs.id IS 'Surrogate key';
COMMENT ON COLUMN training_runs.run_key IS 'Airflow run, or the command''s own name of the run: the same key is the same run';
COMMENT ON COLUMN training_runs.family IS 'Model family: the trainer''s name';
COMMENT ON COLUMN training_runs.parameters IS 'Every parameter of the trainer, defaults included';
COMMENT ON COLUMN training_runs.folds IS 'Walk-forward as asked: train_months, test_months, count, expanding, embargo';
COMMENT ON COLUMN training_runs.asked IS 'Symbols (empty for all) and start (NULL for the first bar) as asked';
COMMENT ON COLUMN training_runs.seed IS 'Of everything random';
COMMENT ON COLUMN training_runs.first_session IS 'First session of the dataset';
COMMENT ON COLUMN training_runs.last_session IS 'Last session of the dataset';
COMMENT ON COLUMN training_runs.known_at IS 'Knowledge cutoff the data was read as of';
COMMENT ON COLUMN training_runs.symbols IS 'Symbols in the dataset';
COMMENT ON COLUMN training_runs.rows_with_label IS 'Rows with a label';
COMMENT ON COLUMN training_runs.data_version IS 'SHA-256 of symbols, sessions and bars: the same data gives the same';
COMMENT ON COLUMN training_runs.label_version IS 'SHA-256 of the labels it learns from, as stored in training_labels';
COMMENT ON COLUMN training_runs.code_version IS 'Hash of trainers and features';
COMMENT ON COLUMN training_runs.feature_set IS 'Feature set it learns from';
COMMENT ON COLUMN training_runs.feature_set_version IS 'feature_sets.version of it';
COMMENT ON COLUMN training_runs.trial_id IS 'strategy_trials.id: the configuration, counted as tried';
COMMENT ON COLUMN training_runs.findings IS 'Leakage findings: check, value, threshold, detail; NULL until they were looked for';
COMMENT ON COLUMN training_runs.sharpe_per_session IS 'Out-of-sample Sharpe ratio after costs over all folds, per session; NULL until evaluated or undefined';
COMMENT ON COLUMN training_runs.started_by IS 'Who started it';
COMMENT ON COLUMN training_runs.tracking_run IS 'Run id in MLflow';
COMMENT ON COLUMN training_runs.tracking_error IS 'Why MLflow has not all of it';
COMMENT ON COLUMN training_runs.error IS 'Why it failed';
COMMENT ON COLUMN training_runs.recorded_at IS 'Wall clock of the start';
COMMENT ON COLUMN training_runs.finished_at IS 'Wall clock of the end, good or bad';

CREATE TABLE walk_forward_results (
    training_run_id bigint NOT NULL REFERENCES training_runs (id),
    configuration text NOT NULL CHECK (configuration IN ('candidate', 'promoted')),
    fold integer NOT NULL CHECK (fold BETWEEN 1 AND 1000),
    train_start date NOT NULL,
    train_end date NOT NULL CHECK (train_end >= train_start),
    test_start date NOT NULL CHECK (test_start > train_end),
    test_end date NOT NULL CHECK (test_end >= test_start AND test_end < '2200-01-01'),
    ic double precision CHECK (ic BETWEEN -1 AND 1),
    rank_ic double precision CHECK (rank_ic BETWEEN -1 AND 1),
    icir double precision CHECK (abs(icir) < 1e6),
    sharpe_ratio double precision CHECK (abs(sharpe_ratio) < 1e6),
    win_rate double precision CHECK (win_rate BETWEEN 0 AND 1),
    turnover double precision CHECK (turnover BETWEEN 0 AND 1e6),
    n bigint NOT NULL CHECK (n BETWEEN 0 AND 1000000000000),
    sessions integer NOT NULL CHECK (sessions BETWEEN 0 AND 1000000),
    daily_returns double precision[] NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (training_run_id, configuration, fold)
);
COMMENT ON TABLE walk_forward_results IS 'How each fold of a walk-forward did out of sample.';
COMMENT ON COLUMN walk_forward_results.training_run_id IS 'training_runs.id';
COMMENT ON COLUMN walk_forward_results.configuration IS 'candidate; promoted: the configuration of the version promoted then, on the same folds';
COMMENT ON COLUMN walk_forward_results.fold IS 'Counts up from 1 in order of time';
COMMENT ON COLUMN walk_forward_results.train_start IS 'First session learnt from';
COMMENT ON COLUMN walk_forward_results.train_end IS 'Last session learnt from, purge and embargo already taken off';
COMMENT ON COLUMN walk_forward_results.test_start IS 'First session out of sample';
COMMENT ON COLUMN walk_forward_results.test_end IS 'Last session out of sample';
COMMENT ON COLUMN walk_forward_results.ic IS 'Mean over sessions of the correlation of prediction and return';
COMMENT ON COLUMN walk_forward_results.rank_ic IS 'The same of their ranks';
COMMENT ON COLUMN walk_forward_results.icir IS 'Mean over deviation of the sessions'' correlations';
COMMENT ON COLUMN walk_forward_results.sharpe_ratio IS 'Of the strategy''s daily returns after costs, per year';
COMMENT ON COLUMN walk_forward_results.win_rate IS 'Share of sessions with a gain after costs';
COMMENT ON COLUMN walk_forward_results.turnover IS 'Mean share of the book traded per session';
COMMENT ON COLUMN walk_forward_results.n IS 'Rows predicted that have a label';
COMMENT ON COLUMN walk_forward_results.sessions IS 'Sessions out of sample with a return';
COMMENT ON COLUMN walk_forward_results.daily_returns IS 'The strategy''s return of each of them after costs, fractions, in order';
COMMENT ON COLUMN walk_forward_results.recorded_at IS 'Wall clock of the write';

CREATE TABLE model_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    family text NOT NULL CHECK (family ~ '^[a-z][a-z0-9_]{0,60}$'),
    version integer NOT NULL CHECK (version BETWEEN 1 AND 1000000),
    state text NOT NULL DEFAULT 'candidate' CHECK (state IN ('candidate', 'promoted', 'retired', 'failed')),
    training_run_id bigint NOT NULL REFERENCES training_runs (id) UNIQUE,
    parameters jsonb NOT NULL CHECK (jsonb_typeof(parameters) = 'object'),
    metrics jsonb NOT NULL CHECK (jsonb_typeof(metrics) = 'object'),
    feature_set text NOT NULL,
    feature_set_version integer NOT NULL CHECK (feature_set_version BETWEEN 1 AND 1000000),
    data_as_of timestamptz NOT NULL CHECK (data_as_of < '2200-01-01'),
    trained_from date NOT NULL,
    trained_to date NOT NULL CHECK (trained_to >= trained_from),
    seen_until date NOT NULL CHECK (seen_until >= trained_to AND seen_until < '2200-01-01'),
    code_version text NOT NULL CHECK (code_version ~ '^[0-9a-f]{16,64}$'),
    artifact_format text NOT NULL CHECK (artifact_format IN ('lightgbm_text', 'onnx')),
    artifact_path text NOT NULL CHECK (length(artifact_path) BETWEEN 1 AND 500),
    artifact_sha256 text NOT NULL CHECK (artifact_sha256 ~ '^[0-9a-f]{64}$'),
    metadata_sha256 text NOT NULL CHECK (metadata_sha256 ~ '^[0-9a-f]{64}$'),
    waiver_name text CHECK (length(waiver_name) BETWEEN 1 AND 200),
    waiver_reason text CHECK (length(waiver_reason) BETWEEN 1 AND 2000),
    created_by text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (family, version),
    CHECK ((waiver_name IS NULL) = (waiver_reason IS NULL))
);
ALTER TABLE training_runs ADD COLUMN compared_with bigint REFERENCES model_versions (id);
COMMENT ON COLUMN training_runs.compared_with IS 'model_versions.id in use then, whose configuration ran on the same folds; NULL when none was, or its configuration is this one';
CREATE UNIQUE INDEX model_versions_promoted ON model_versions (family) WHERE state = 'promoted';
COMMENT ON TABLE model_versions IS 'Trained models. At most one version of a family is promoted: the one the daily run predicts with.';
COMMENT ON COLUMN model_versions.id IS 'Surrogate key; what commands call VERSION';
COMMENT ON COLUMN model_versions.family IS 'Model family: the trainer''s and the strategy''s name';
COMMENT ON COLUMN model_versions.version IS 'Counts up from 1 within the family';
COMMENT ON COLUMN model_versions.state IS 'candidate: registered; promoted: in use; retired: was in use; failed: its artifact was found missing or spoilt';
COMMENT ON COLUMN model_versions.training_run_id IS 'training_runs.id';
COMMENT ON COLUMN model_versions.parameters IS 'Every parameter of the trainer';
COMMENT ON COLUMN model_versions.metrics IS 'Medians over the folds and whatever else was measured';
COMMENT ON COLUMN model_versions.feature_set IS 'Feature set it reads';
COMMENT ON COLUMN model_versions.feature_set_version IS 'feature_sets.version of it';
COMMENT ON COLUMN model_versions.data_as_of IS 'Knowledge cutoff of its data';
COMMENT ON COLUMN model_versions.trained_from IS 'First session learnt from';
COMMENT ON COLUMN model_versions.trained_to IS 'Last session learnt from';
COMMENT ON COLUMN model_versions.seen_until IS 'Last session whose prices its labels hold: it predicts from this one on, never an earlier one';
COMMENT ON COLUMN model_versions.code_version IS 'Hash of trainers and features it was made with';
COMMENT ON COLUMN model_versions.artifact_format IS 'lightgbm_text or onnx: formats that hold no code';
COMMENT ON COLUMN model_versions.artifact_path IS 'Within the artifact store';
COMMENT ON COLUMN model_versions.artifact_sha256 IS 'Of the model file; compared before every load';
COMMENT ON COLUMN model_versions.metadata_sha256 IS 'Of metadata.json beside it; compared before every load';
COMMENT ON COLUMN model_versions.waiver_name IS 'Who promoted it although the gate refused; NULL when the gate let it pass';
COMMENT ON COLUMN model_versions.waiver_reason IS 'Why';
COMMENT ON COLUMN model_versions.created_by IS 'Who trained it';
COMMENT ON COLUMN model_versions.created_at IS 'Wall clock of the registration';
COMMENT ON COLUMN model_versions.updated_at IS 'Wall clock of the last change of state';

CREATE TABLE promotion_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_version_id bigint NOT NULL REFERENCES model_versions (id),
    decision text NOT NULL CHECK (decision IN ('promoted', 'refused', 'waived', 'rolled_back', 'retired', 'failed')),
    replaced_version_id bigint REFERENCES model_versions (id),
    waiver_name text CHECK (length(waiver_name) BETWEEN 1 AND 200),
    waiver_reason text CHECK (length(waiver_reason) BETWEEN 1 AND 2000),
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 4000),
    decided_by text NOT NULL CHECK (length(decided_by) BETWEEN 1 AND 200),
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((decision = 'waived') = (waiver_name IS NOT NULL)),
    CHECK ((waiver_name IS NULL) = (waiver_reason IS NULL))
);
CREATE INDEX promotion_decisions_version ON promotion_decisions (model_version_id);
COMMENT ON TABLE promotion_decisions IS 'The history of promotions: every decision about a version, appended, never changed.';
COMMENT ON COLUMN promotion_decisions.id IS 'Surrogate key; later decisions have higher ones';
COMMENT ON COLUMN promotion_decisions.model_version_id IS 'model_versions.id decided about';
COMMENT ON COLUMN promotion_decisions.decision IS 'promoted: the gate let it pass; refused; waived: promoted although refused; rolled_back: in use again; retired: replaced; failed: its artifact is missing or spoilt';
COMMENT ON COLUMN promotion_decisions.replaced_version_id IS 'Version that was in use until then; of a retirement the one that took its place; NULL for none';
COMMENT ON COLUMN promotion_decisions.waiver_name IS 'Who waived the gate';
COMMENT ON COLUMN promotion_decisions.waiver_reason IS 'Why';
COMMENT ON COLUMN promotion_decisions.reason IS 'In words';
COMMENT ON COLUMN promotion_decisions.decided_by IS 'Who asked for it';
COMMENT ON COLUMN promotion_decisions.decided_at IS 'Wall clock of the decision';

CREATE TABLE promotion_checks (
    decision_id bigint NOT NULL REFERENCES promotion_decisions (id),
    name text NOT NULL CHECK (name ~ '^[a-z_]{3,60}$'),
    value double precision CHECK (abs(value) < 1e300),
    threshold double precision CHECK (abs(threshold) < 1e300),
    passed boolean NOT NULL,
    detail text NOT NULL CHECK (length(detail) BETWEEN 1 AND 4000),
    PRIMARY KEY (decision_id, name)
);
COMMENT ON TABLE promotion_checks IS 'What the gate measured for a decision, whether it passed or not.';
COMMENT ON COLUMN promotion_checks.decision_id IS 'promotion_decisions.id';
COMMENT ON COLUMN promotion_checks.name IS 'sharpe_ratio, win_rate, deflated_sharpe, better_than_promoted, leakage';
COMMENT ON COLUMN promotion_checks.value IS 'What was measured; NULL while undefined, which never passes';
COMMENT ON COLUMN promotion_checks.threshold IS 'What it had to reach; NULL when there was nothing to compare with';
COMMENT ON COLUMN promotion_checks.passed IS 'Whether it did';
COMMENT ON COLUMN promotion_checks.detail IS 'In words, with the numbers it rests on';

CREATE TABLE training_labels (
    price text NOT NULL CHECK (price IN ('open', 'close')),
    horizon integer NOT NULL CHECK (horizon BETWEEN 1 AND 252),
    symbol text NOT NULL,
    session_date date NOT NULL,
    label double precision NOT NULL CHECK (label >= -1 AND label < 1e6),
    label_end date NOT NULL CHECK (label_end > session_date AND label_end < '2200-01-01'),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (price, horizon, symbol, session_date)
);
COMMENT ON TABLE training_labels IS 'What trainings learn from: returns after a session, of members of the universe. Only quant_trainer reads column label, so no prediction code can.';
COMMENT ON COLUMN training_labels.price IS 'open: from the next open on, what can be traded; close: Alpha158''s own label';
COMMENT ON COLUMN training_labels.horizon IS 'Sessions between its two prices';
COMMENT ON COLUMN training_labels.symbol IS 'Ticker';
COMMENT ON COLUMN training_labels.session_date IS 'Session of the decision it belongs to';
COMMENT ON COLUMN training_labels.label IS 'Return, a fraction, dividends and splits taken in';
COMMENT ON COLUMN training_labels.label_end IS 'Session of its second price';
COMMENT ON COLUMN training_labels.recorded_at IS 'Wall clock of the write';

REVOKE SELECT ON training_labels FROM quant_reader, quant_writer;
GRANT SELECT (price, horizon, symbol, session_date, label_end, recorded_at) ON training_labels TO quant_reader, quant_writer;
GRANT INSERT, DELETE, UPDATE (label, label_end, recorded_at) ON training_labels TO quant_trainer;
GRANT INSERT ON training_runs, walk_forward_results, model_versions, promotion_decisions, promotion_checks, strategy_trials,
    audit_events TO quant_trainer;
GRANT UPDATE (findings, sharpe_per_session, compared_with, tracking_run, tracking_error, error, finished_at) ON training_runs TO quant_trainer;
GRANT UPDATE (state, waiver_name, waiver_reason, updated_at) ON model_versions TO quant_trainer;
GRANT UPDATE (strategy, recorded_at) ON strategy_trials TO quant_trainer;
