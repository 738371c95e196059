-- What the quality gate found, how each batch met its expectations, and what people decided about quarantined rows.
CREATE TABLE quality_findings (
    symbol text NOT NULL,
    session_date date NOT NULL CHECK (session_date BETWEEN '1900-01-01' AND '2200-01-01'),
    check_name text NOT NULL CHECK (check_name ~ '^[a-z_]{3,40}$'),
    severity text NOT NULL CHECK (severity IN ('suspect', 'defect')),
    seen_on date NOT NULL CHECK (seen_on >= session_date AND seen_on < '2200-01-01'),
    detail jsonb NOT NULL,
    run_id text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at timestamptz,
    PRIMARY KEY (session_date, symbol, check_name)
);
CREATE INDEX quality_findings_seen ON quality_findings (seen_on);
COMMENT ON TABLE quality_findings IS 'What is odd about stored bars: jumps, spikes, missing bars and the like; flagged, never removed.';
COMMENT ON COLUMN quality_findings.symbol IS 'Ticker, empty for the session as a whole';
COMMENT ON COLUMN quality_findings.session_date IS 'Session of the bar, or of the missing one';
COMMENT ON COLUMN quality_findings.check_name IS 'jump, spike, unrecorded_split, action_without_jump, zero_volume, stale_repeat, far_extreme, missing_bar, coverage, freshness';
COMMENT ON COLUMN quality_findings.severity IS 'defect: contradicts the bars around it; suspect: happens in truth as well';
COMMENT ON COLUMN quality_findings.seen_on IS 'First session at which it could be known: the next one for a spike, else the session itself';
COMMENT ON COLUMN quality_findings.detail IS 'Values that led to it: prices in USD, moves as fractions';
COMMENT ON COLUMN quality_findings.run_id IS 'Airflow run that found it';
COMMENT ON COLUMN quality_findings.recorded_at IS 'Wall clock of the write';
COMMENT ON COLUMN quality_findings.resolved_at IS 'When a later judgement of the same session did not find it any more; NULL while it stands';

CREATE TABLE data_quality_results (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    last_batch_id bigint NOT NULL,
    batch text NOT NULL CHECK (batch IN ('sessions', 'bars')),
    first_session date NOT NULL,
    session_date date NOT NULL CHECK (session_date >= first_session),
    expectation text NOT NULL,
    subject text NOT NULL,
    success boolean NOT NULL,
    observed jsonb NOT NULL,
    threshold jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (run_id, batch, expectation, subject)
);
CREATE INDEX data_quality_results_session ON data_quality_results (session_date);
COMMENT ON TABLE data_quality_results IS 'How a run''s data met each expectation of the Great Expectations suite.';
COMMENT ON COLUMN data_quality_results.id IS 'Surrogate key';
COMMENT ON COLUMN data_quality_results.run_id IS 'Airflow run';
COMMENT ON COLUMN data_quality_results.last_batch_id IS 'Newest ingestion_batches.id when it was judged';
COMMENT ON COLUMN data_quality_results.batch IS 'sessions: one row per session of the run; bars: the bars of its last session';
COMMENT ON COLUMN data_quality_results.first_session IS 'First session of the batch';
COMMENT ON COLUMN data_quality_results.session_date IS 'Last session of the batch';
COMMENT ON COLUMN data_quality_results.expectation IS 'Name of the expectation';
COMMENT ON COLUMN data_quality_results.subject IS 'Column or columns it is about, empty for the table';
COMMENT ON COLUMN data_quality_results.success IS 'Whether it was met';
COMMENT ON COLUMN data_quality_results.observed IS 'What was seen: counts, and some of the unexpected values';
COMMENT ON COLUMN data_quality_results.threshold IS 'What was expected';
COMMENT ON COLUMN data_quality_results.recorded_at IS 'Wall clock of the write';

CREATE TABLE quarantine_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quarantine_id bigint NOT NULL REFERENCES quarantine (id),
    decision text NOT NULL CHECK (decision IN ('released', 'rejected')),
    reason text NOT NULL CHECK (length(reason) >= 3),
    batch_id bigint REFERENCES ingestion_batches (id) CHECK ((batch_id IS NOT NULL) = (decision = 'released')),
    decided_by text NOT NULL DEFAULT current_user,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (quarantine_id, decision)
);
COMMENT ON TABLE quarantine_decisions IS 'What people decided about rows in quarantine; the newest one counts, none is taken back from the record.';
COMMENT ON COLUMN quarantine_decisions.id IS 'Surrogate key, ascending in time';
COMMENT ON COLUMN quarantine_decisions.quarantine_id IS 'quarantine.id';
COMMENT ON COLUMN quarantine_decisions.decision IS 'released: stored in market_data after all; rejected: it stays out for good';
COMMENT ON COLUMN quarantine_decisions.reason IS 'Why';
COMMENT ON COLUMN quarantine_decisions.batch_id IS 'ingestion_batches.id under which a released row was stored';
COMMENT ON COLUMN quarantine_decisions.decided_by IS 'Database role that decided';
COMMENT ON COLUMN quarantine_decisions.recorded_at IS 'Wall clock of the write';

GRANT SELECT ON quality_findings, data_quality_results, quarantine_decisions TO quant_reader, quant_writer;
GRANT INSERT ON quality_findings, data_quality_results, quarantine_decisions TO quant_writer;
GRANT UPDATE (severity, seen_on, detail, run_id, recorded_at, resolved_at) ON quality_findings TO quant_writer;
GRANT UPDATE (last_batch_id, first_session, session_date, success, observed, threshold, recorded_at)
    ON data_quality_results TO quant_writer;
