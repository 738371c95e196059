-- The label of made-up bars on what later versions derive from them, see 0018. A home that holds such bars already
-- labels what it has.
DO $$
DECLARE
    name text;
    made_up text := (SELECT EXISTS (SELECT FROM ingestion_batches WHERE source = 'synthetic'))::text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'training_runs', 'walk_forward_results', 'model_versions', 'training_labels', 'predictions',
        'predictions_history', 'prediction_gaps', 'prediction_gaps_history', 'alerts', 'model_drift',
        'ensemble_signals', 'risk_snapshots', 'kill_switch_events', 'backtest_parity'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN is_synthetic boolean NOT NULL DEFAULT %s', name, made_up);
        EXECUTE format('COMMENT ON COLUMN %I.is_synthetic IS %L', name,
            'Rests on bars made up from a seed, which no market ever traded');
    END LOOP;
END
$$;
