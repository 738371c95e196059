-- A home that holds made-up bars says so in the tables before these.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'training_runs', 'walk_forward_results', 'model_versions', 'training_labels', 'predictions',
        'predictions_history', 'prediction_gaps', 'prediction_gaps_history', 'alerts', 'model_drift',
        'ensemble_signals', 'risk_snapshots', 'kill_switch_events', 'backtest_parity'
    ] LOOP
        EXECUTE format('ALTER TABLE %I DROP COLUMN is_synthetic', name);
    END LOOP;
END
$$;
