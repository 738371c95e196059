-- What comes of made-up bars says so in every row. A home holds one kind of market data, so the label is the tables'
-- default: it turns with the first synthetic batch, before anything can be computed from it, and writers need not know.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'stage_runs', 'audit_events', 'quality_findings', 'data_quality_results', 'feature_values',
        'feature_values_history', 'model_runs', 'model_runs_history', 'signals', 'signals_history', 'target_positions',
        'risk_decisions', 'orders', 'fills', 'positions', 'ledger_entries', 'account_snapshots', 'model_performance',
        'performance_reports'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN is_synthetic boolean NOT NULL DEFAULT false', name);
        EXECUTE format('COMMENT ON COLUMN %I.is_synthetic IS %L', name,
            'Rests on bars made up from a seed, which no market ever traded');
    END LOOP;
END
$$;

CREATE FUNCTION label_synthetic() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    unlabelled record;
BEGIN
    FOR unlabelled IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = 'is_synthetic' AND column_default = 'false'
        ORDER BY table_name
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER is_synthetic SET DEFAULT true', unlabelled.table_name);
        IF unlabelled.table_name = 'stage_runs' THEN  -- attempts that failed before there was a batch
            UPDATE stage_runs SET is_synthetic = true;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION label_synthetic IS 'Trigger: from the first synthetic batch on, rows derived from bars are labelled synthetic';
REVOKE ALL ON FUNCTION label_synthetic() FROM PUBLIC;

CREATE TRIGGER label_synthetic AFTER INSERT ON ingestion_batches
    FOR EACH ROW WHEN (NEW.source = 'synthetic') EXECUTE FUNCTION label_synthetic();
