-- Lots, the account beside the backtest engine, and where an order came from.
CREATE TABLE backtest_parity (
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL CHECK (session_date BETWEEN '1900-01-01' AND '2200-01-01'),
    engine_usd numeric NOT NULL CHECK (engine_usd > -1e13 AND engine_usd < 1e13),
    account_usd numeric NOT NULL CHECK (account_usd > -1e13 AND account_usd < 1e13),
    difference_usd numeric GENERATED ALWAYS AS (account_usd - engine_usd) STORED,
    data_usd numeric NOT NULL CHECK (data_usd > -1e13 AND data_usd < 1e13),
    price_usd numeric NOT NULL CHECK (price_usd > -1e13 AND price_usd < 1e13),
    fee_usd numeric NOT NULL CHECK (fee_usd > -1e13 AND fee_usd < 1e13),
    missed_usd numeric NOT NULL CHECK (missed_usd > -1e13 AND missed_usd < 1e13),
    rejected_usd numeric NOT NULL CHECK (rejected_usd > -1e13 AND rejected_usd < 1e13),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date),
    CHECK (account_usd - engine_usd = data_usd + price_usd + fee_usd + missed_usd + rejected_usd)
);
COMMENT ON TABLE backtest_parity IS 'Each session''s profit of the account beside the backtest engine''s with the same approved changes, both from the account as it stood at the close before; deposits and withdrawals left out.';
COMMENT ON COLUMN backtest_parity.account_id IS 'accounts.id';
COMMENT ON COLUMN backtest_parity.session_date IS 'Exchange session';
COMMENT ON COLUMN backtest_parity.engine_usd IS 'Profit the engine would have made, USD';
COMMENT ON COLUMN backtest_parity.account_usd IS 'Profit the account made, USD';
COMMENT ON COLUMN backtest_parity.difference_usd IS 'The account''s less the engine''s: the sum of the five causes';
COMMENT ON COLUMN backtest_parity.data_usd IS 'Because of another close, dividend or split than the bars and actions say, USD';
COMMENT ON COLUMN backtest_parity.price_usd IS 'Because of other fill prices, USD';
COMMENT ON COLUMN backtest_parity.fee_usd IS 'Because of other commissions, interest or borrowing, USD';
COMMENT ON COLUMN backtest_parity.missed_usd IS 'Because orders were not, or not wholly, filled, or filled without the engine''s doing, USD';
COMMENT ON COLUMN backtest_parity.rejected_usd IS 'Because the broker refused orders, USD';
COMMENT ON COLUMN backtest_parity.created_at IS 'Wall clock of the write';
GRANT INSERT ON backtest_parity TO quant_writer;

CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
COMMENT ON AGGREGATE product(numeric) IS 'The product of numbers, exact.';

-- Matching first in, first out pairs the n-th share bought with the n-th share sold, whichever came first: shares sold
-- short are bought back in the order they were sold. Shares are counted in the basis of the account's last session, so
-- that a split changes nothing; what a split leaves below a share is sold for cash, and so is a share that leaves the
-- market. A renamed share is one share.
CREATE VIEW share_trades AS
WITH last AS (
    SELECT account_id, max(session_date) AS session_date FROM account_snapshots GROUP BY account_id
), trades AS (
    SELECT f.account_id, f.symbol, f.session_date, CASE o.order_type WHEN 'market' THEN 1 ELSE 2 END AS place,
           f.broker_fill_id AS trade, CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END::numeric AS quantity,
           f.price, f.session_date AS called_on
    FROM fills f JOIN orders o ON o.id = f.order_id
    UNION ALL
    SELECT d.account_id, h.key, d.session_date, 0, 'adoption:' || h.key, (h.value ->> 'quantity')::numeric,
           nullif(h.value ->> 'average_cost', '')::numeric, d.session_date
    FROM account_adoptions d CROSS JOIN LATERAL jsonb_each(d.positions) h
    UNION ALL
    SELECT e.account_id, e.symbol, e.session_date, 0, e.transaction_key, trunc(n.shares) - n.shares,
           e.paid_usd / (n.shares - trunc(n.shares)), e.session_date
    FROM (  -- what is worth less than half a cent is paid nothing and has no leg of cash
        SELECT account_id, symbol, session_date, transaction_key,
               coalesce(sum(amount_usd) FILTER (WHERE ledger_account = 'cash'), 0) AS paid_usd
        FROM ledger_entries WHERE kind = 'cash_in_lieu' GROUP BY account_id, symbol, session_date, transaction_key
    ) e
    JOIN LATERAL (SELECT p.quantity, p.session_date FROM positions p
        WHERE p.account_id = e.account_id AND p.symbol = e.symbol AND p.session_date < e.session_date
        ORDER BY p.session_date DESC LIMIT 1) p ON true
    JOIN corporate_actions a ON a.symbol = e.symbol AND a.action_type = 'split' AND a.ex_date > p.session_date
        AND a.ex_date <= e.session_date
    CROSS JOIN LATERAL (SELECT p.quantity * a.value AS shares) n
    WHERE n.shares <> trunc(n.shares)
    UNION ALL
    SELECT e.account_id, e.symbol, e.session_date, 0, e.transaction_key, -n.shares, e.amount_usd / n.shares,
           p.price_date  -- it had its ticker as it last traded, whoever has it since
    FROM ledger_entries e
    JOIN LATERAL (SELECT p.quantity, p.session_date, p.price_date FROM positions p
        WHERE p.account_id = e.account_id AND p.symbol = e.symbol AND p.session_date < e.session_date
        ORDER BY p.session_date DESC LIMIT 1) p ON true
    CROSS JOIN LATERAL (SELECT trunc(p.quantity * coalesce((
        SELECT product(a.value) FROM corporate_actions a WHERE a.symbol = e.symbol AND a.action_type = 'split'
          AND a.ex_date > p.session_date AND a.ex_date <= e.session_date), 1)) AS shares) n
    WHERE e.kind = 'delisting' AND e.ledger_account = 'cash'
), named AS (
    SELECT t.*, l.session_date AS until, coalesce(r.symbol, t.symbol) AS holding
    FROM trades t JOIN last l USING (account_id)
    LEFT JOIN renames_as_of(DATE '2199-12-31', 'infinity') r
        ON r.ticker = t.symbol AND t.called_on >= r.begins AND t.called_on < r.ends
    WHERE t.session_date <= l.session_date
)
SELECT n.account_id, n.holding AS symbol, n.session_date, n.place, n.trade, sign(n.quantity) AS side,
       abs(n.quantity) * f.factor AS shares, n.price / f.factor AS price
FROM named n CROSS JOIN LATERAL (
    SELECT coalesce((SELECT product(a.value) FROM corporate_actions a
        WHERE a.symbol IN (n.symbol, n.holding) AND a.action_type = 'split'
          AND a.ex_date > n.session_date AND a.ex_date <= n.until), 1) AS factor) f;
COMMENT ON VIEW share_trades IS 'Fills, fractions paid out in splits, and shares paid out when they leave the market, in the share basis of the account''s last session: side 1 bought, -1 sold; shares positive; USD per share.';

CREATE VIEW position_lots AS
WITH sides AS (
    SELECT *, sum(shares) OVER (PARTITION BY account_id, symbol, side ORDER BY session_date, place, trade) AS until
    FROM share_trades
), points AS (
    SELECT account_id, symbol, until, bool_or(side = 1) AS bought, bool_or(side = -1) AS sold
    FROM sides GROUP BY account_id, symbol, until
), pieces AS (
    SELECT account_id, symbol, until - coalesce(lag(until) OVER (PARTITION BY account_id, symbol ORDER BY until), 0) AS shares,
           min(until) FILTER (WHERE bought) OVER after_it AS buy, min(until) FILTER (WHERE sold) OVER after_it AS sale
    FROM points WINDOW after_it AS (PARTITION BY account_id, symbol ORDER BY until DESC)
), paired AS (
    SELECT p.account_id, p.symbol, p.shares, b.session_date AS buy_session, b.place AS buy_place, b.trade AS buy_trade,
           b.price AS buy_price, s.session_date AS sale_session, s.place AS sale_place, s.trade AS sale_trade,
           s.price AS sale_price,
           s.trade IS NULL OR coalesce((b.session_date, b.place) <= (s.session_date, s.place), false)
               AS is_long
    FROM pieces p
    LEFT JOIN sides b ON b.account_id = p.account_id AND b.symbol = p.symbol AND b.side = 1 AND b.until = p.buy
    LEFT JOIN sides s ON s.account_id = p.account_id AND s.symbol = p.symbol AND s.side = -1 AND s.until = p.sale
)
SELECT account_id, symbol, CASE WHEN is_long THEN 'long' ELSE 'short' END AS side, shares,
       CASE WHEN is_long THEN buy_session ELSE sale_session END AS opened_session,
       CASE WHEN is_long THEN buy_trade ELSE sale_trade END AS opened_by,
       CASE WHEN is_long THEN buy_price ELSE sale_price END AS open_price,
       CASE WHEN is_long THEN sale_session ELSE buy_session END AS closed_session,
       CASE WHEN is_long THEN sale_trade ELSE buy_trade END AS closed_by,
       CASE WHEN is_long THEN sale_price ELSE buy_price END AS close_price,
       shares * (sale_price - buy_price) AS realized_usd
FROM paired;
COMMENT ON VIEW position_lots IS 'Shares bought and sold, paired first in, first out: a row per piece of a lot with one opening and one closing fill; what is held has none that closed it. Shares in the basis of the account''s last session, profit before commissions, USD.';

CREATE VIEW check_lots_equal_positions AS
SELECT account_id, symbol, q.lots, q.held, l.session_date
FROM (SELECT account_id, max(session_date) AS session_date FROM account_snapshots GROUP BY account_id) l
JOIN LATERAL (
    SELECT symbol, sum(lots) AS lots, sum(held) AS held FROM (
        SELECT v.symbol, CASE v.side WHEN 'long' THEN v.shares ELSE -v.shares END AS lots, 0 AS held
        FROM position_lots v WHERE v.account_id = l.account_id AND v.closed_by IS NULL
        UNION ALL
        SELECT coalesce(r.symbol, p.symbol), 0, p.quantity FROM positions p
        LEFT JOIN renames_as_of(DATE '2199-12-31', 'infinity') r
            ON r.ticker = p.symbol AND p.price_date >= r.begins AND p.price_date < r.ends
        WHERE p.account_id = l.account_id AND p.session_date = l.session_date
    ) both_sides GROUP BY symbol
) q ON q.lots <> q.held
WHERE check_from() = DATE '1900-01-01';
COMMENT ON VIEW check_lots_equal_positions IS 'Holdings that are not the sum of their open lots; all fills are matched for it, so only when every session is asked for. Remedy: look at fills and splits of that symbol.';

CREATE VIEW check_parity_in_cents AS
SELECT p.account_id, p.difference_usd, p.data_usd, p.price_usd, p.fee_usd, p.missed_usd, p.rejected_usd, p.session_date
FROM backtest_parity p JOIN accounts a ON a.id = p.account_id AND a.broker = 'simulated'
WHERE p.session_date >= check_from()
  AND (abs(p.data_usd) >= 0.005 OR abs(p.price_usd) >= 0.005 OR abs(p.fee_usd) >= 0.005 OR abs(p.rejected_usd) >= 0.005
       OR (abs(p.missed_usd) >= 0.005 AND NOT EXISTS (
           SELECT FROM risk_decisions d LEFT JOIN orders o ON o.risk_decision_id = d.id AND o.order_type = 'market'
           WHERE d.account_id = p.account_id AND d.approved_quantity <> 0
             AND d.session_date = (SELECT max(a.session_date) FROM account_snapshots a
                                   WHERE a.account_id = p.account_id AND a.session_date < p.session_date)
             AND coalesce(o.state, 'blocked') IN ('planned', 'blocked', 'cancelled'))));
COMMENT ON VIEW check_parity_in_cents IS 'Sessions of a simulated account that differ from the backtest engine by a cent, but for orders that were held back: in a dry run, or by the kill switch. Remedy: compare the session''s fills with the bars; one of the two engines is wrong.';

CREATE OR REPLACE VIEW check_no_orders_while_killed AS
SELECT o.id, o.client_order_id, w.reason, o.session_date
FROM orders o
LEFT JOIN risk_snapshots s ON s.account_id = o.account_id AND s.session_date = o.session_date AND s.kill_switch <> ''
LEFT JOIN LATERAL (
    SELECT e.action, e.reason FROM kill_switch_events e
    WHERE e.account_id = o.account_id AND NOT e.by_itself AND e.happened_at < coalesce(o.submitted_at, o.created_at)
    ORDER BY e.id DESC LIMIT 1
) e ON e.action = 'latched'
LEFT JOIN kill_switch k ON k.account_id = o.account_id AND k.engaged AND k.changed_at < coalesce(o.submitted_at, o.created_at)
CROSS JOIN LATERAL (SELECT coalesce(nullif(s.kill_switch, ''), e.reason, k.reason) AS reason) w
WHERE o.session_date >= check_from() AND o.order_type = 'market' AND o.state NOT IN ('planned', 'blocked')
  AND w.reason IS NOT NULL;
COMMENT ON VIEW check_no_orders_while_killed IS 'Orders sent while the kill switch was latched. Remedy: cancel them at the broker and find out how they passed.';

CREATE VIEW order_lineage AS
SELECT o.client_order_id, o.account_id, o.symbol, o.session_date, o.order_type, o.side, o.quantity, o.state,
       p.client_order_id AS parent, d.id AS decision_id, d.session_date AS decided_session, d.decision, d.approved_quantity, d.reason AS decision_reason,
       t.target_weight, t.target_quantity, t.current_quantity,
       e.score AS ensemble_score, e.confidence AS ensemble_confidence, e.published, e.regime,
       e.members -> m.model_name AS ensemble_member,
       m.model_name, s.id AS signal_id, s.score AS signal_score, r.model_version, r.parameters AS model_parameters,
       w.family AS trained_family, w.version AS trained_version, w.artifact_sha256,
       v.feature_set, v.version AS feature_version, feature_object(v) AS features,
       b.version AS bar_version, b.known_at AS bar_known_at, b.open, b.high, b.low, b.close, b.volume,
       i.id AS batch_id, i.source AS vendor, i.run_id AS batch_run, i.recorded_at AS batch_recorded_at
FROM orders o
LEFT JOIN orders p ON p.id = o.parent_order_id
JOIN risk_decisions d ON d.id = o.risk_decision_id
JOIN target_positions t ON (t.account_id, t.session_date, t.symbol) = (d.account_id, d.session_date, d.symbol)
LEFT JOIN ensemble_signals e ON (e.session_date, e.symbol) = (d.session_date, d.symbol)
LEFT JOIN signals s ON (s.session_date, s.symbol) = (d.session_date, d.symbol)
LEFT JOIN models m ON m.id = s.model_id
LEFT JOIN model_runs r ON r.id = s.model_run_id
LEFT JOIN model_versions w ON w.id = r.model_version_id
LEFT JOIN feature_values v ON (v.symbol, v.date) = (d.symbol, d.session_date)
LEFT JOIN stage_runs c ON c.stage = 'model_execution' AND c.model = '' AND c.session_date = d.session_date
LEFT JOIN LATERAL (  -- as market_data_as_of, which would read all bars
    SELECT n.version, n.known_at, n.open, n.high, n.low, n.close, n.volume, n.batch_id FROM market_data n
    WHERE n.symbol = d.symbol AND n.date = d.session_date AND n.known_at <= c.known_at
    UNION ALL
    SELECT h.version, h.known_at, h.open, h.high, h.low, h.close, h.volume, h.batch_id FROM market_data_history h
    WHERE h.symbol = d.symbol AND h.date = d.session_date AND h.known_at <= c.known_at AND h.superseded_at > c.known_at
) b ON true
LEFT JOIN ingestion_batches i ON i.id = b.batch_id;
COMMENT ON VIEW order_lineage IS 'Where an order came from, a row per signal and feature set: decision, target, ensemble, signal, model version, feature values, the bar''s version as it was known, and the vendor''s batch; an exit has its entry''s. Ask for one client_order_id.';
GRANT SELECT ON share_trades, position_lots, order_lineage TO quant_reader, quant_writer;

-- The views of before read all there is; asked about some sessions, each reads what these have touched.
CREATE INDEX orders_exits_out ON orders (account_id, coalesce(ended_session, 'infinity')) WHERE order_type <> 'market';
CREATE OR REPLACE VIEW check_exits_fit_holdings AS
WITH last AS (
    SELECT account_id, max(session_date) AS session_date FROM account_snapshots GROUP BY account_id
)
SELECT o.id, o.symbol, o.signed_quantity, coalesce(p.quantity, 0) AS held, l.session_date
FROM last l JOIN orders o ON o.account_id = l.account_id AND o.order_type <> 'market'
    AND o.session_date <= l.session_date AND coalesce(o.ended_session, 'infinity') > l.session_date
LEFT JOIN positions p ON (p.account_id, p.session_date, p.symbol) = (l.account_id, l.session_date, o.symbol)
WHERE o.signed_quantity + coalesce(p.quantity, 0) <> sign(o.signed_quantity) * coalesce((
    SELECT sum(g.quantity) FROM fills g WHERE g.order_id = o.id AND g.session_date <= l.session_date), 0)
UNION ALL
SELECT o.id, o.symbol, o.signed_quantity, p.quantity, f.session_date
FROM fills f JOIN orders o ON o.id = f.order_id AND o.order_type <> 'market'
JOIN positions p ON (p.account_id, p.session_date, p.symbol) = (f.account_id, f.session_date, f.symbol)
WHERE f.session_date >= check_from() AND p.quantity <> 0 AND o.quantity <= (
    SELECT sum(g.quantity) FROM fills g WHERE g.order_id = o.id AND g.session_date <= f.session_date);

CREATE OR REPLACE VIEW check_filled_orders AS
SELECT o.id, o.state, o.quantity, o.filled_quantity, coalesce(f.quantity, 0) AS fills_quantity, o.session_date
FROM (SELECT id FROM orders WHERE session_date >= check_from()
      UNION SELECT order_id FROM fills WHERE session_date >= check_from()) t
JOIN orders o USING (id)
LEFT JOIN LATERAL (
    SELECT sum(quantity)::numeric AS quantity FROM (
        SELECT quantity FROM fills WHERE order_id = o.id
        UNION ALL  -- told by a real broker in a session that is still open, whose books come at its end
        SELECT b.quantity FROM broker_fills b WHERE b.client_order_id = o.client_order_id AND b.session_date > (
            SELECT max(session_date) FROM account_snapshots WHERE account_id = o.account_id)) told) f ON true
WHERE o.filled_quantity <> coalesce(f.quantity, 0) OR (o.state = 'filled' AND o.filled_quantity <> o.quantity);

CREATE OR REPLACE VIEW check_stages_in_order AS
WITH chain (stage, upstream) AS (
    VALUES ('feature_engineering', 'data_ingestion'), ('model_execution', 'feature_engineering'),
           ('risk_execution', 'model_execution'), ('performance_testing', 'risk_execution')
)
SELECT r.stage, r.session_date FROM stage_runs r JOIN chain c USING (stage)
WHERE r.session_date >= check_from() AND r.model = '' AND r.status = 'completed' AND NOT EXISTS (
    SELECT FROM stage_runs u WHERE u.stage = c.upstream AND u.model = ''
    AND u.session_date = r.session_date AND u.status = 'completed');

-- Batches are numbered as they come and so are their rows in the table.
CREATE INDEX market_data_batch ON market_data USING brin (batch_id) WITH (pages_per_range = 32);
CREATE OR REPLACE VIEW check_batches_complete AS
WITH since AS (
    SELECT min(id) AS id FROM ingestion_batches WHERE end_date >= check_from()
), versions AS (
    SELECT 'bars' AS kind, batch_id, count(*) AS held FROM market_data
    WHERE batch_id >= (SELECT id FROM since) GROUP BY batch_id
    UNION ALL SELECT 'bars', batch_id, count(*) FROM market_data_history
    WHERE batch_id >= (SELECT id FROM since) GROUP BY batch_id
    UNION ALL SELECT 'actions', batch_id, count(*) FROM corporate_actions
    WHERE batch_id >= (SELECT id FROM since) GROUP BY batch_id
    UNION ALL SELECT 'actions', batch_id, count(*) FROM corporate_actions_history
    WHERE batch_id >= (SELECT id FROM since) GROUP BY batch_id
), stored AS (
    SELECT kind, batch_id, sum(held)::bigint AS held FROM versions GROUP BY kind, batch_id
)
SELECT coalesce(b.id, s.batch_id) AS id, b.received, b.accepted, b.duplicates, b.quarantined,
       coalesce(s.held, 0) AS stored
FROM (SELECT * FROM ingestion_batches WHERE id >= (SELECT id FROM since)) b
FULL JOIN stored s ON s.kind = b.kind AND s.batch_id = b.id
WHERE b.accepted IS DISTINCT FROM coalesce(s.held, 0);
