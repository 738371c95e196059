-- 0001 to 0008 were mended on the first day, before anything was released: a database made by the very first commit is
-- brought to what they say now, so that what follows applies. Any other database is left as it is.
DO $$
DECLARE
    names record;
BEGIN
    IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'public'
               AND table_name = 'ingestion_batches' AND column_name = 'kind') THEN
        RETURN;
    END IF;

    UPDATE stage_runs SET status = 'failed', detail = detail || '{"error": "blocked"}' WHERE status = 'blocked';
    ALTER TABLE stage_runs DROP CONSTRAINT stage_runs_status_check,
        ADD CONSTRAINT stage_runs_status_check CHECK (status IN ('running', 'completed', 'failed'));
    COMMENT ON COLUMN stage_runs.status IS 'completed; running: some of its steps are done; failed: the last try ended with the error in detail';

    -- Actions had no batch of their own but that of the bars they came with.
    ALTER TABLE ingestion_batches ADD COLUMN kind text NOT NULL DEFAULT 'bars' CHECK (kind IN ('bars', 'actions'));
    ALTER TABLE ingestion_batches ALTER kind DROP DEFAULT;
    COMMENT ON COLUMN ingestion_batches.kind IS 'bars, or actions: splits and dividends';
    COMMENT ON COLUMN ingestion_batches.accepted IS 'Rows new or changed in market_data or corporate_actions';
    FOR names IN
        SELECT b.*, a.held FROM ingestion_batches b JOIN (
            SELECT batch_id, count(*) AS held FROM (
                SELECT batch_id FROM corporate_actions UNION ALL SELECT batch_id FROM corporate_actions_history) v
            GROUP BY batch_id) a ON a.batch_id = b.id
        ORDER BY b.id
    LOOP
        WITH made AS (
            INSERT INTO ingestion_batches (kind, source, run_id, start_date, end_date, symbols, received, accepted,
                                           duplicates, quarantined, recorded_at)
            VALUES ('actions', names.source, names.run_id, names.start_date, names.end_date, names.symbols, names.held,
                    names.held, 0, 0, names.recorded_at)
            RETURNING id
        ), current AS (
            UPDATE corporate_actions SET batch_id = made.id FROM made WHERE batch_id = names.id
        )
        UPDATE corporate_actions_history SET
            batch_id = CASE batch_id WHEN names.id THEN made.id ELSE batch_id END,
            superseded_by = CASE superseded_by WHEN names.id THEN made.id ELSE superseded_by END
        FROM made WHERE names.id IN (batch_id, superseded_by);
    END LOOP;
    COMMENT ON COLUMN corporate_actions.batch_id IS 'ingestion_batches.id this version came in';

    ALTER TABLE corporate_actions ADD CHECK (symbol ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$');
    ALTER TABLE corporate_actions_history ADD CONSTRAINT corporate_actions_symbol_check
        CHECK (symbol ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$');
    ALTER TABLE trading_universe ADD CHECK (symbol ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$');
    CREATE INDEX quarantine_last_batch ON quarantine (last_batch_id);
    ALTER TABLE orders ALTER state SET DEFAULT 'submitted';

    CREATE TABLE model_runs_history (
        LIKE model_runs INCLUDING CONSTRAINTS INCLUDING COMMENTS,
        superseded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (id, superseded_at)
    );
    COMMENT ON TABLE model_runs_history IS 'Model runs as they were before a restatement.';
    COMMENT ON COLUMN model_runs_history.superseded_at IS 'Wall clock of the restatement';
    ALTER TABLE pending_signals SET LOGGED;
    ALTER TABLE pending_model_runs SET LOGGED;
    COMMENT ON COLUMN market_data.known_at IS 'When a decision could have known this version: session close plus the source''s delay; a correction, or a bar that came after its session was completed: when recorded';
    COMMENT ON COLUMN corporate_actions.known_at IS 'Announcement, else the close before the ex-date; a correction, or one that came late: when recorded';
    COMMENT ON TABLE pending_signals IS 'Signals handed from execute_strategies to store_trading_signals of the same run; gone once published.';
    COMMENT ON TABLE pending_model_runs IS 'Sessions a model has scored in a run and not yet published.';

    -- Histories had no words on the columns they share with their tables, and what is handed over none at all.
    FOR names IN
        SELECT t.relname AS table_name, a.attname AS column_name, CASE
                   WHEN a.attname = 'model_id' AND t.relname LIKE 'pending_%' THEN 'models.id'
                   WHEN a.attname = 'symbol' AND t.relname = 'pending_signals' THEN 'Ticker'
                   WHEN a.attname = 'session_date' AND t.relname = 'pending_signals' THEN 'Exchange session decided on'
                   WHEN a.attname = 'session_date' AND t.relname = 'pending_model_runs' THEN 'Exchange session scored'
                   WHEN t.relname LIKE 'pending_%' THEN 'As in ' || o.relname
                   ELSE col_description(b.attrelid, b.attnum) END AS said
        FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_class o ON o.relnamespace = t.relnamespace AND o.relname = CASE t.relname
            WHEN 'pending_signals' THEN 'signals' WHEN 'pending_model_runs' THEN 'model_runs'
            ELSE replace(t.relname, '_history', '') END
        JOIN pg_attribute b ON b.attrelid = o.oid AND b.attname = a.attname
        WHERE t.relnamespace = 'public'::regnamespace AND t.oid <> o.oid AND t.relkind = 'r'
          AND (t.relname LIKE '%_history' OR t.relname IN ('pending_signals', 'pending_model_runs'))
          AND (t.relname LIKE 'pending_%' OR col_description(t.oid, a.attnum) IS NULL)
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', names.table_name, names.column_name, names.said);
    END LOOP;
    COMMENT ON COLUMN pending_signals.run_id IS 'Airflow run they belong to';
    COMMENT ON COLUMN pending_model_runs.run_id IS 'Airflow run they belong to';
    COMMENT ON COLUMN pending_model_runs.known_at IS 'Knowledge cutoff it was scored as of';

    GRANT USAGE, CREATE ON SCHEMA public TO quant_owner;
    GRANT INSERT ON model_runs_history TO quant_writer;
    GRANT UPDATE (model_version, parameters, symbols_scored, signals_long, signals_short, signals_flat, mean_confidence)
        ON model_runs TO quant_writer;
END
$$;
