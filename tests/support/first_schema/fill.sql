-- Rows in every table of the first commit's schema, for the test that nothing of them is lost on the way to today's.
INSERT INTO ingestion_batches (source, run_id, start_date, end_date, symbols, received, accepted, duplicates, quarantined)
VALUES ('sample', 'first', '2005-06-01', '2005-06-02', '{AAPL,MSFT}', 5, 3, 1, 1),
       ('sample', 'second', '2005-06-01', '2005-06-02', '{AAPL}', 1, 1, 0, 0);
INSERT INTO market_data (symbol, date, open, high, low, close, volume, source, batch_id, version, known_at, backfilled)
VALUES ('AAPL', '2005-06-01', 39.89, 40.76, 39.86, 40.3, 112929600, 'sample', 2, 2, '2005-06-02 12:00Z', true),
       ('AAPL', '2005-06-02', 40.05, 40.32, 39.6, 40.04, 95000000, 'sample', 1, 1, '2005-06-02 21:00Z', true),
       ('MSFT', '2005-06-01', 25.79, 25.98, 25.63, 25.81, 62000000, 'sample', 1, 1, '2005-06-01 21:00Z', true);
INSERT INTO market_data_history SELECT symbol, date, open, high, low, close + 0.1, volume, source, 1, 1,
    '2005-06-01 21:00Z', recorded_at, backfilled, '2005-06-02 12:00Z', 2
FROM market_data WHERE symbol = 'AAPL' AND date = '2005-06-01';
UPDATE ingestion_batches SET received = 5, accepted = 3, duplicates = 1 WHERE id = 1;
INSERT INTO corporate_actions (symbol, ex_date, action_type, value, inferred, source, batch_id, version, known_at)
VALUES ('AAPL', '2005-02-28', 'split', 2, false, 'sample', 1, 2, '2005-02-26 12:00Z'),
       ('MSFT', '2005-05-16', 'dividend', 0.08, false, 'sample', 1, 1, '2005-05-13 21:00Z');
INSERT INTO corporate_actions_history SELECT symbol, ex_date, action_type, 3, inferred, source, batch_id, 1,
    '2005-02-25 21:00Z', recorded_at, '2005-02-26 12:00Z', 1 FROM corporate_actions WHERE symbol = 'AAPL';
INSERT INTO trading_universe (symbol, active_from, name, sector, source)
VALUES ('AAPL', '2000-01-03', 'Apple', 'Technology', 'sample'), ('MSFT', '2000-01-03', 'Microsoft', NULL, 'sample');
INSERT INTO quarantine (row_hash, batch_id, last_batch_id, symbol, session_date, reason, raw)
VALUES (repeat('a', 64), 1, 2, 'IBM', '2005-06-01', 'high below low', '{"high": 1, "low": 2}');
INSERT INTO session_exceptions (session_date, symbol, reason) VALUES ('2005-06-01', 'IBM', 'halted');
INSERT INTO feature_sets (feature_set, version, fingerprint) VALUES ('technical', 1, 'abc');
INSERT INTO feature_definitions (feature_set, version, name, position, formula, inputs, window_sessions, warm_up_sessions,
                                 unit, value_range, equals)
VALUES ('technical', 1, 'rsi_14', 1, 'RSI', '{close}', 14, 14, 'points', '0..100', 'TA-Lib');
INSERT INTO feature_values (symbol, date, feature_set, version, values) VALUES ('AAPL', '2005-06-01', 'technical', 1, '{51.5}');
INSERT INTO feature_values_history (symbol, date, feature_set, version, values, recorded_at)
VALUES ('AAPL', '2005-06-01', 'technical', 1, '{50.5}', '2005-06-02Z');
INSERT INTO models (model_name, model_version, strategy_class, parameters) VALUES ('rsi_alpha', '1', 'x.RsiAlpha', '{"oversold": 30}');
INSERT INTO model_runs (model_id, session_date, model_version, parameters, symbols_scored, signals_long, signals_short, signals_flat)
VALUES (1, '2005-06-01', '1', '{"oversold": 30}', 2, 1, 0, 0);
INSERT INTO signals (model_id, model_run_id, symbol, session_date, side, score, confidence)
VALUES (1, 1, 'AAPL', '2005-06-01', 'long', 0.5, 0.5);
INSERT INTO signals_history (id, model_id, model_run_id, symbol, session_date, side, score, confidence, created_at)
VALUES (1, 1, 1, 'AAPL', '2005-06-01', 'long', 0.4, 0.4, '2005-06-02Z');
INSERT INTO pending_signals (model_id, run_id, symbol, session_date, side, score, confidence)
VALUES (1, 'second', 'AAPL', '2005-06-02', 'long', 0.5, 0.5);
INSERT INTO pending_model_runs (model_id, run_id, session_date, model_version, parameters, symbols_scored, known_at)
VALUES (1, 'second', '2005-06-02', '1', '{}', 2, '2005-06-02 21:00Z');
INSERT INTO stage_runs (stage, session_date, status, known_at, run_id, rows_written, detail)
VALUES ('data_ingestion', '2005-06-01', 'completed', '2005-06-01 21:00Z', 'first', 3, '{"rows": 3}'),
       ('data_ingestion', '2005-06-02', 'failed', NULL, 'first', 0, '{"error": "no bars"}'),
       ('risk_execution', '2005-06-01', 'blocked', NULL, 'first', 0, '{"rows": 0}');
INSERT INTO audit_events (event_id, correlation_id, idempotency_key, event_type, session_date, source, payload)
VALUES (md5('1')::uuid, 'a', 'data_ingestion/2005-06-01', 'market.raw', '2005-06-01', 'data_ingestion', '{"rows": 3}'),
       (md5('2')::uuid, 'b', 'fill/1', 'execution.completed', '2005-06-02', 'risk_execution', '{"side": "buy"}');
INSERT INTO accounts (id, broker, initial_cash_usd) VALUES ('paper', 'simulated', 100000);
INSERT INTO kill_switch (account_id, engaged, reason) VALUES ('paper', false, '');
INSERT INTO target_positions (account_id, session_date, symbol, score, target_weight, target_quantity, current_quantity, reference_price)
VALUES ('paper', '2005-06-01', 'AAPL', 0.5, 0.04, 100, 0, 40.3);
INSERT INTO risk_decisions (account_id, session_date, symbol, decision, requested_quantity, approved_quantity, reason, checks)
VALUES ('paper', '2005-06-01', 'AAPL', 'approved', 100, 100, '', '[]');
INSERT INTO orders (client_order_id, risk_decision_id, account_id, session_date, symbol, side, quantity, reference_price,
                    state, filled_quantity)
VALUES (repeat('A', 32), 1, 'paper', '2005-06-01', 'AAPL', 'buy', 100, 40.3, 'filled', 100);
INSERT INTO fills (broker_fill_id, order_id, account_id, session_date, symbol, side, quantity, price, commission_usd, slippage_usd)
VALUES ('1', 1, 'paper', '2005-06-02', 'AAPL', 'buy', 100, 40.07, 1, 2);
INSERT INTO positions (account_id, session_date, symbol, quantity, cost_basis_usd, average_cost, price, price_date,
                       market_value_usd, unrealized_pnl_usd, realized_pnl_usd)
VALUES ('paper', '2005-06-02', 'AAPL', 100, 4007, 40.07, 40.04, '2005-06-02', 4004, -3, 0);
INSERT INTO ledger_entries (account_id, transaction_key, session_date, kind, ledger_account, symbol, amount_usd)
VALUES ('paper', 'deposit', '2005-06-01', 'deposit', 'cash', NULL, 100000), ('paper', 'deposit', '2005-06-01', 'deposit', 'capital', NULL, -100000),
       ('paper', 'fill:1', '2005-06-02', 'fill', 'cash', 'AAPL', -4007), ('paper', 'fill:1', '2005-06-02', 'fill', 'securities', 'AAPL', 4007),
       ('paper', 'commission:1', '2005-06-02', 'commission', 'cash', 'AAPL', -1), ('paper', 'commission:1', '2005-06-02', 'commission', 'commission', 'AAPL', 1);
INSERT INTO account_snapshots (account_id, session_date, cash_usd, securities_usd, equity_usd, gross_exposure_usd, net_exposure_usd)
VALUES ('paper', '2005-06-01', 100000, 0, 100000, 0, 0), ('paper', '2005-06-02', 95992, 4004, 99996, 4004, 4004);
INSERT INTO model_performance (model_id, run_date, total_trades, open_trades, holding_period, risk_free_rate)
VALUES (1, '2005-06-02', 0, 1, 5, 0.02);
INSERT INTO performance_reports (report_date, models_measured, report_data) VALUES ('2005-06-02', 1, '{"ranking": []}');
UPDATE risk_limits SET threshold = 0.05 WHERE name = 'max_position';
