-- Least privilege: the reader reads, the writer adds; what is history or books it may not change.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO quant_writer, quant_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO quant_reader, quant_writer;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO quant_reader, quant_writer;

GRANT INSERT ON stage_runs, audit_events, ingestion_batches, market_data, market_data_history, corporate_actions,
    corporate_actions_history, trading_universe, quarantine, session_exceptions, feature_sets, feature_definitions,
    feature_values, feature_values_history, models, model_runs, signals, signals_history, pending_signals,
    pending_model_runs, accounts, kill_switch, target_positions, risk_decisions, orders, fills,
    positions, ledger_entries, account_snapshots, model_performance, performance_reports TO quant_writer;
GRANT UPDATE ON stage_runs, market_data, corporate_actions, trading_universe,
    models, risk_limits, kill_switch TO quant_writer;
GRANT UPDATE (state, filled_quantity, reason, updated_at) ON orders TO quant_writer;
GRANT UPDATE (last_batch_id) ON quarantine TO quant_writer;
GRANT UPDATE (rank) ON model_performance TO quant_writer;
GRANT DELETE ON pending_signals, pending_model_runs, feature_values, signals TO quant_writer;
