-- A writer per layer: a stage of the daily chain may write what its layer holds and nothing else, so that no mistake in a
-- feature can become an order. quant_writer, which logs in, keeps its rights for commands, pages and research.

DO $$
DECLARE
    right_of record;
    missing text;
BEGIN
    CREATE TEMP TABLE layer (role, name) ON COMMIT DROP AS
    SELECT l.role, unnest(l.names) FROM (VALUES
        ('quant_ingest', ARRAY['backfill_chunks', 'corporate_actions', 'corporate_actions_history', 'data_quality_results',
            'ingestion_batches', 'market_data', 'market_data_history', 'quality_findings', 'quarantine', 'restatements',
            'symbol_changes', 'trading_universe', 'trading_universe_history', 'vendor_bars', 'vendor_disagreements']),
        ('quant_features', ARRAY['feature_definitions', 'feature_sets', 'feature_values', 'feature_values_history']),
        -- performance_states: what was summed up from signals goes with signals that are restated.
        ('quant_models', ARRAY['alerts', 'model_runs', 'model_runs_history', 'models', 'pending_model_runs',
            'pending_predictions', 'pending_signals', 'performance_states', 'prediction_gaps', 'prediction_gaps_history',
            'predictions', 'predictions_history', 'run_versions', 'signals', 'signals_history']),
        ('quant_risk', ARRAY['account_adoptions', 'account_snapshots', 'accounts', 'backtest_parity', 'broker_cash',
            'broker_fills', 'ensemble_signals', 'fills', 'ledger_entries', 'order_approvals', 'order_hints', 'orders',
            'positions', 'risk_decisions', 'risk_limits', 'risk_snapshots', 'target_positions']),
        ('quant_performance', ARRAY['alerts', 'benchmark_returns', 'model_drift', 'model_performance',
            'model_performance_windows', 'model_sessions', 'performance_reports', 'performance_states'])
    ) AS l (role, names);
    INSERT INTO layer SELECT DISTINCT l.role, shared FROM layer l, unnest(ARRAY['audit_events', 'stage_runs']) shared;
    SELECT string_agg(name, ', ') INTO missing FROM layer WHERE to_regclass('public.' || name) IS NULL;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'no such table: %', missing;
    END IF;
    -- Of each, what quant_writer may do with it; reading comes with quant_reader.
    FOR right_of IN
        SELECT l.role, l.name, a.privilege_type AS verb, '' AS columns
        FROM layer l JOIN pg_class c ON c.oid = ('public.' || l.name)::regclass, aclexplode(c.relacl) a
        WHERE a.grantee = 'quant_writer'::regrole AND a.privilege_type <> 'SELECT'
        UNION ALL
        SELECT l.role, l.name, a.privilege_type, format('(%I)', t.attname)
        FROM layer l JOIN pg_attribute t ON t.attrelid = ('public.' || l.name)::regclass, aclexplode(t.attacl) a
        WHERE a.grantee = 'quant_writer'::regrole AND a.privilege_type <> 'SELECT'
    LOOP
        EXECUTE format('GRANT %s %s ON %I TO %I', right_of.verb, right_of.columns, right_of.name, right_of.role);
    END LOOP;
END
$$;

-- Less than that: limits are as persons have set them, only missing ones are written; sums are only thrown away.
REVOKE UPDATE (reason, threshold) ON risk_limits FROM quant_risk;
REVOKE INSERT, UPDATE ON performance_states FROM quant_models;

GRANT USAGE ON SEQUENCE ingestion_batches_id_seq TO quant_ingest;
GRANT EXECUTE ON FUNCTION refresh_feature_views, renew_empty_feature_values, analyze_feature_values TO quant_features;
GRANT EXECUTE ON FUNCTION latch_kill_switch, note_own_latches, heed_kill_switch, analyze_account_tables TO quant_risk;
