-- Invariants as views: each returns no row as long as it holds.
CREATE VIEW check_ledger_balanced AS
SELECT account_id, transaction_key, sum(amount_usd) AS difference_usd
FROM ledger_entries GROUP BY account_id, transaction_key HAVING sum(amount_usd) <> 0;
COMMENT ON VIEW check_ledger_balanced IS 'Transactions of the books that do not sum to 0.';

-- A split multiplies what was held before its ex-date; fractions paid out in cash are part of the quantity lost.
CREATE VIEW check_positions_equal_fills AS
WITH last AS (
    SELECT account_id, max(session_date) AS session_date FROM account_snapshots GROUP BY account_id
), traded AS (
    SELECT f.account_id, f.symbol, sum(
        CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END
        * coalesce((SELECT exp(sum(ln(a.value))) FROM corporate_actions a
                    WHERE a.symbol = f.symbol AND a.action_type = 'split'
                      AND a.ex_date > f.session_date AND a.ex_date <= l.session_date), 1)) AS quantity
    FROM fills f JOIN last l USING (account_id)
    WHERE f.session_date <= l.session_date
    GROUP BY f.account_id, f.symbol
), held AS (
    SELECT p.account_id, p.symbol, p.quantity FROM positions p JOIN last l USING (account_id, session_date)
)
SELECT account_id, symbol, held.quantity AS held, traded.quantity AS traded
FROM traded FULL JOIN held USING (account_id, symbol)
WHERE abs(coalesce(held.quantity, 0) - coalesce(traded.quantity, 0)) > 0.001
  AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.account_id = coalesce(held.account_id, traded.account_id)
                  AND e.symbol = coalesce(held.symbol, traded.symbol) AND e.kind = 'cash_in_lieu');
COMMENT ON VIEW check_positions_equal_fills IS 'Holdings that differ from the signed fills after splits.';

CREATE VIEW check_orders_approved AS
SELECT o.id, o.client_order_id FROM orders o LEFT JOIN risk_decisions d ON d.id = o.risk_decision_id
WHERE d.id IS NULL OR d.decision = 'rejected' OR d.approved_quantity <> o.signed_quantity;
COMMENT ON VIEW check_orders_approved IS 'Orders without a decision that allows them.';

CREATE VIEW check_filled_orders AS
SELECT o.id, o.state, o.quantity, o.filled_quantity, coalesce(f.quantity, 0) AS fills_quantity
FROM orders o LEFT JOIN (SELECT order_id, sum(quantity) AS quantity FROM fills GROUP BY order_id) f ON f.order_id = o.id
WHERE o.filled_quantity <> coalesce(f.quantity, 0);
COMMENT ON VIEW check_filled_orders IS 'Orders whose filled quantity is not the sum of their fills.';

CREATE VIEW check_fills_after_decision AS
SELECT f.id, o.session_date AS decided, f.session_date AS filled
FROM fills f JOIN orders o ON o.id = f.order_id WHERE f.session_date <= o.session_date;
COMMENT ON VIEW check_fills_after_decision IS 'Fills in the session they were decided on or before it.';

CREATE VIEW check_cash_equals_ledger AS
WITH last AS (
    SELECT DISTINCT ON (account_id) account_id, session_date, cash_usd FROM account_snapshots
    ORDER BY account_id, session_date DESC
)
SELECT l.account_id, l.cash_usd, sum(e.amount_usd) AS ledger_usd
FROM last l JOIN ledger_entries e ON e.account_id = l.account_id AND e.ledger_account = 'cash'
                                 AND e.session_date <= l.session_date
GROUP BY l.account_id, l.cash_usd HAVING l.cash_usd <> sum(e.amount_usd);
COMMENT ON VIEW check_cash_equals_ledger IS 'Accounts whose cash is not the sum of the books'' cash entries.';

CREATE VIEW check_batches_complete AS
SELECT id, received, accepted, duplicates, quarantined FROM ingestion_batches
WHERE received <> accepted + duplicates + quarantined;
COMMENT ON VIEW check_batches_complete IS 'Batches with rows neither accepted nor duplicates nor in quarantine.';

CREATE VIEW check_stages_in_order AS
WITH chain (stage, upstream) AS (
    VALUES ('feature_engineering', 'data_ingestion'), ('model_execution', 'feature_engineering'),
           ('risk_execution', 'model_execution'), ('performance_testing', 'risk_execution')
)
SELECT r.stage, r.session_date FROM stage_runs r JOIN chain c USING (stage)
WHERE r.model = '' AND r.status = 'completed' AND NOT EXISTS (
    SELECT FROM stage_runs u WHERE u.stage = c.upstream AND u.model = ''
    AND u.session_date = r.session_date AND u.status = 'completed');
COMMENT ON VIEW check_stages_in_order IS 'Sessions a stage completed before its upstream did.';

CREATE VIEW check_signals_have_features AS
SELECT s.id, s.symbol, s.session_date FROM signals s
WHERE NOT EXISTS (SELECT FROM feature_values v WHERE v.symbol = s.symbol AND v.date = s.session_date);
COMMENT ON VIEW check_signals_have_features IS 'Signals without the features they must have come from.';
