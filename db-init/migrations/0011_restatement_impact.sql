-- What was decided on facts that have changed since. A session's features remember all earlier bars of their symbol, so
-- everything from the fact's date on is touched that was decided before the change was known. What has been restated
-- since, from later knowledge (stage_runs.known_at), no longer is.
CREATE FUNCTION restatement_impact(batch bigint)
RETURNS TABLE (symbol text, session_date date, stage text, relation text, rows bigint, reason text)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH facts AS (
        SELECT r.symbol, r.date, r.fact LIKE 'action%' AS is_action, r.known_at,
               r.fact || ' (' || r.date || ')' AS reason
        FROM restatements r WHERE r.batch_id = batch
    ), named AS (  -- under the ticker of the fact's day, and under those the share has had since
        SELECT f.symbol AS ticker, f.date AS since, f.* FROM facts f
        UNION ALL
        SELECT n.symbol, n.ends, f.* FROM facts f
        CROSS JOIN LATERAL renames_as_of('infinity', 'infinity') n
        WHERE n.ticker = f.symbol AND f.date >= n.begins AND f.date < n.ends
    ), touched AS (
        SELECT n.ticker, n.since, n.known_at, n.is_action,
               min(n.date) AS first_date, string_agg(DISTINCT n.reason, ', ') AS reason
        FROM named n GROUP BY n.ticker, n.since, n.known_at, n.is_action
    ), sessions AS (
        SELECT t.ticker, t.since, t.first_date, t.is_action, t.reason, t.known_at, s.session_date,
               -- Orders of the session before know of what goes ex at the next open.
               s.session_date >= t.since AS is_after
        FROM touched t JOIN stage_runs s ON s.stage = 'data_ingestion' AND s.model = '' AND s.status = 'completed'
            AND s.known_at < t.known_at
            AND s.session_date >= CASE WHEN t.is_action AND t.since = t.first_date THEN coalesce(
                (SELECT max(e.session_date) FROM stage_runs e WHERE e.stage = 'data_ingestion' AND e.model = ''
                 AND e.session_date < t.since), t.since) ELSE t.since END
    ), decided AS (
        SELECT s.ticker, s.session_date, 'feature_engineering' AS stage, 'feature_values' AS relation, s.reason
        FROM sessions s JOIN feature_values v ON v.symbol = s.ticker AND v.date = s.session_date
        JOIN stage_runs r ON r.stage = 'feature_engineering' AND r.model = '' AND r.session_date = s.session_date
        WHERE s.is_after AND r.known_at < s.known_at
        UNION ALL
        SELECT s.ticker, s.session_date, 'model_execution', 'signals', s.reason
        FROM sessions s JOIN signals g ON g.symbol = s.ticker AND g.session_date = s.session_date
        JOIN models m ON m.id = g.model_id
        JOIN stage_runs r ON r.stage = 'model_execution' AND r.model = m.model_name AND r.session_date = s.session_date
        WHERE s.is_after AND r.known_at < s.known_at
        UNION ALL
        SELECT s.ticker, s.session_date, 'risk_execution', 'target_positions', s.reason
        FROM sessions s JOIN target_positions p ON p.symbol = s.ticker AND p.session_date = s.session_date
        UNION ALL
        SELECT s.ticker, s.session_date, 'risk_execution', 'orders', s.reason
        FROM sessions s JOIN orders o ON o.symbol = s.ticker AND o.session_date = s.session_date
        UNION ALL
        SELECT s.ticker, s.session_date, 'risk_execution', 'fills', s.reason
        FROM sessions s JOIN fills f ON f.symbol = s.ticker AND f.session_date = s.session_date
        JOIN facts t ON t.symbol = s.ticker AND t.date = f.session_date AND NOT t.is_action
    )
    SELECT d.ticker, d.session_date, d.stage, d.relation, count(*), string_agg(DISTINCT d.reason, ', ')
    FROM decided d GROUP BY d.ticker, d.session_date, d.stage, d.relation
    ORDER BY d.session_date, d.ticker, d.relation
$$;
COMMENT ON FUNCTION restatement_impact IS 'Features, signals, targets, orders and fills that rest on what a batch (ingestion_batches.id) has changed since.';

CREATE VIEW stale_decisions AS
SELECT b.batch_id, i.*
FROM (SELECT DISTINCT batch_id FROM restatements) b CROSS JOIN LATERAL restatement_impact(b.batch_id) i;
COMMENT ON VIEW stale_decisions IS 'restatement_impact of all batches: by symbol, what rests on facts that have changed since. Nothing of it is rewritten.';
GRANT SELECT ON stale_decisions TO quant_writer, quant_reader;

-- A holding follows its share under the new ticker.
CREATE OR REPLACE VIEW check_positions_equal_fills AS
WITH last AS (
    SELECT account_id, max(session_date) AS session_date FROM account_snapshots GROUP BY account_id
), own AS (
    SELECT f.account_id, f.session_date, f.side, f.quantity, f.symbol AS ticker, coalesce(n.symbol, f.symbol) AS symbol,
           l.session_date AS until
    FROM fills f JOIN last l USING (account_id)
    LEFT JOIN LATERAL (
        SELECT r.symbol FROM stage_runs s, renames_as_of(l.session_date, s.known_at) r
        WHERE s.stage = 'risk_execution' AND s.model = '' AND s.session_date = l.session_date
          AND r.ticker = f.symbol AND f.session_date >= r.begins AND f.session_date < r.ends) n ON true
    WHERE f.session_date <= l.session_date
), traded AS (
    SELECT f.account_id, f.symbol, sum(
        CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END
        * coalesce((SELECT exp(sum(ln(a.value))) FROM corporate_actions a
                    WHERE a.symbol IN (f.symbol, f.ticker) AND a.action_type = 'split'
                      AND a.ex_date > f.session_date AND a.ex_date <= f.until), 1)) AS quantity
    FROM own f GROUP BY f.account_id, f.symbol
), held AS (
    SELECT p.account_id, p.symbol, p.quantity FROM positions p JOIN last l USING (account_id, session_date)
)
SELECT account_id, symbol, held.quantity AS held, traded.quantity AS traded
FROM traded FULL JOIN held USING (account_id, symbol)
WHERE abs(coalesce(held.quantity, 0) - coalesce(traded.quantity, 0)) > 0.001
  AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.account_id = coalesce(held.account_id, traded.account_id)
                  AND e.symbol = coalesce(held.symbol, traded.symbol) AND e.kind = 'cash_in_lieu');
