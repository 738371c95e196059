-- What ran, and the trail it left.
CREATE TABLE stage_runs (
    stage text NOT NULL,
    model text NOT NULL DEFAULT '',
    session_date date NOT NULL,
    status text NOT NULL CHECK (status IN ('completed', 'failed', 'blocked')),
    known_at timestamptz,
    run_id text NOT NULL,
    rows_written bigint NOT NULL DEFAULT 0 CHECK (rows_written >= 0),
    detail jsonb NOT NULL DEFAULT '{}',
    stale_reason text,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stage, model, session_date),
    CHECK (status <> 'completed' OR known_at IS NOT NULL)
);
CREATE INDEX stage_runs_session ON stage_runs (session_date);
COMMENT ON TABLE stage_runs IS 'One row per stage, model and session: how far each stage is. A stage''s own row has model ''''.';
COMMENT ON COLUMN stage_runs.stage IS 'DAG id';
COMMENT ON COLUMN stage_runs.model IS 'Model name where a stage keeps its place per model, else empty';
COMMENT ON COLUMN stage_runs.session_date IS 'Exchange session the work belongs to';
COMMENT ON COLUMN stage_runs.status IS 'completed; failed: the last try ended with the error in detail; blocked: recorded and skipped';
COMMENT ON COLUMN stage_runs.known_at IS 'Knowledge cutoff: only facts with known_at at or before it were read; reruns read as of it';
COMMENT ON COLUMN stage_runs.run_id IS 'Airflow run that finished it';
COMMENT ON COLUMN stage_runs.rows_written IS 'Rows this session added downstream tables';
COMMENT ON COLUMN stage_runs.detail IS 'Counts, warnings, inputs that later checks need, or the error';
COMMENT ON COLUMN stage_runs.stale_reason IS 'Set when something this session was decided on has been restated since';
COMMENT ON COLUMN stage_runs.finished_at IS 'Wall clock of the write';

CREATE TABLE audit_events (
    event_id uuid PRIMARY KEY,
    correlation_id text NOT NULL,
    idempotency_key text NOT NULL UNIQUE,
    event_type text NOT NULL CHECK (event_type ~ '^[a-z]+\.[a-z0-9_]+$'),
    session_date date NOT NULL,
    symbol text,
    ts timestamptz NOT NULL DEFAULT clock_timestamp(),
    schema_version integer NOT NULL DEFAULT 1 CHECK (schema_version BETWEEN 1 AND 1000),
    source text NOT NULL,
    payload jsonb NOT NULL
);
CREATE INDEX audit_events_session ON audit_events (session_date, event_type);
COMMENT ON TABLE audit_events IS 'Append-only trail: one event per stage and session (symbol NULL), one per order event.';
COMMENT ON COLUMN audit_events.event_id IS 'Derived from idempotency_key, so that a repeated write is the same event';
COMMENT ON COLUMN audit_events.correlation_id IS 'Joins what belongs together: stage and session, or the order';
COMMENT ON COLUMN audit_events.idempotency_key IS 'Names the event; a second write of it does nothing';
COMMENT ON COLUMN audit_events.event_type IS 'market.raw, market.engineered, alpha.signals, trade.decisions, risk.approved, ...';
COMMENT ON COLUMN audit_events.session_date IS 'Exchange session the event belongs to';
COMMENT ON COLUMN audit_events.symbol IS 'Ticker, NULL for a whole stage';
COMMENT ON COLUMN audit_events.ts IS 'Wall clock of the write';
COMMENT ON COLUMN audit_events.schema_version IS 'Version of the payload''s shape';
COMMENT ON COLUMN audit_events.source IS 'Stage that wrote it';
COMMENT ON COLUMN audit_events.payload IS 'Counts and facts of the event';
