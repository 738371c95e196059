-- Drift: whether what a version sees and says is still what it was trained on, and whether it was right.
CREATE TABLE model_drift (
    model_version_id bigint NOT NULL REFERENCES model_versions (id),
    session_date date NOT NULL CHECK (session_date < '2200-01-01'),
    measure text NOT NULL CHECK (measure IN ('feature_psi', 'score_psi', 'rank_ic', 'mean_rank_ic')),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 100),
    value double precision CHECK (abs(value) < 1e6),
    threshold double precision CHECK (abs(threshold) < 1e6),
    n bigint NOT NULL CHECK (n BETWEEN 0 AND 1000000000),
    breached boolean GENERATED ALWAYS AS (
        CASE WHEN measure = 'mean_rank_ic' THEN value < threshold ELSE value > threshold END
    ) STORED,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model_version_id, session_date, measure, subject)
);
CREATE INDEX model_drift_session ON model_drift (session_date);
COMMENT ON TABLE model_drift IS 'Per version and session it predicted: population stability of features and predictions against the training window, and the correlation with what came.';
COMMENT ON COLUMN model_drift.model_version_id IS 'model_versions.id';
COMMENT ON COLUMN model_drift.session_date IS 'Session predicted at; its rank IC is known when the return has come';
COMMENT ON COLUMN model_drift.measure IS 'feature_psi, score_psi: population stability index of 21 sessions; rank_ic: of the session; mean_rank_ic: of up to 63 sessions';
COMMENT ON COLUMN model_drift.subject IS 'The feature; score; the horizon of the return in sessions';
COMMENT ON COLUMN model_drift.value IS 'What was measured; NULL where it is undefined (no value, a constant)';
COMMENT ON COLUMN model_drift.threshold IS 'Above it a PSI has drifted, below it a mean rank IC has no skill; NULL: nothing to compare with, or too early';
COMMENT ON COLUMN model_drift.n IS 'Values it rests on: of a PSI symbols times sessions, of a rank IC symbols, of its mean sessions';
COMMENT ON COLUMN model_drift.breached IS 'Beyond the threshold; NULL without a value or a threshold';
COMMENT ON COLUMN model_drift.created_at IS 'Wall clock of the write; rows are written in session order';

GRANT INSERT ON model_drift TO quant_writer;
