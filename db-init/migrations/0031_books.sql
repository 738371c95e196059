-- The books complete: money in and out, interest and borrowing, accounts that follow one another, and their checks.
ALTER TABLE accounts
    ADD COLUMN closed_at timestamptz,
    ADD COLUMN closed_reason text CHECK (length(closed_reason) >= 3),
    ADD CHECK ((closed_at IS NULL) = (closed_reason IS NULL));
COMMENT ON COLUMN accounts.closed_at IS 'Wall clock of the reset that closed it, NULL for the account that is traded';
COMMENT ON COLUMN accounts.closed_reason IS 'Why it was closed';
CREATE UNIQUE INDEX accounts_one_open ON accounts (broker) WHERE closed_at IS NULL;
GRANT UPDATE (closed_at, closed_reason) ON accounts TO quant_writer;

ALTER TABLE ledger_entries
    DROP CONSTRAINT ledger_entries_kind_check,
    DROP CONSTRAINT ledger_entries_ledger_account_check,
    ADD CHECK (kind IN ('deposit', 'withdrawal', 'adoption', 'fill', 'commission', 'dividend', 'cash_in_lieu',
                        'delisting', 'interest', 'borrow', 'fee')),
    ADD CHECK (ledger_account IN ('cash', 'securities', 'capital', 'commission', 'dividend', 'interest', 'borrow', 'fee',
                                  'realized_pnl'));
COMMENT ON COLUMN ledger_entries.kind IS 'deposit, withdrawal, adoption, fill, commission, dividend, cash_in_lieu, delisting (paid out at the last close), interest, borrow, fee';

CREATE TABLE cash_movements (
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deposit', 'withdrawal')),
    amount_usd numeric NOT NULL CHECK (amount_usd > 0 AND amount_usd < 1e13 AND amount_usd = round(amount_usd, 2)),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL DEFAULT current_user,
    PRIMARY KEY (account_id, session_date, kind, amount_usd)
);
COMMENT ON TABLE cash_movements IS 'Deposits and withdrawals asked for; each is booked in ledger_entries before its session''s open.';
COMMENT ON COLUMN cash_movements.account_id IS 'accounts.id';
COMMENT ON COLUMN cash_movements.session_date IS 'Session it is booked at';
COMMENT ON COLUMN cash_movements.kind IS 'deposit or withdrawal';
COMMENT ON COLUMN cash_movements.amount_usd IS 'USD, whole cents; the same amount twice in one session is one movement asked for twice';
COMMENT ON COLUMN cash_movements.created_at IS 'Wall clock of the write';
COMMENT ON COLUMN cash_movements.created_by IS 'Database role of the write';
GRANT INSERT ON cash_movements TO quant_writer;

-- Check views look at sessions from check_from() on: at all, unless a caller names the first one it asks about.
CREATE FUNCTION check_from() RETURNS date LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(nullif(current_setting('almanac.check_from', true), '')::date, DATE '1900-01-01')
$$;
COMMENT ON FUNCTION check_from IS 'First session the check views look at: the setting almanac.check_from, else all.';

CREATE OR REPLACE VIEW check_ledger_balanced AS
SELECT account_id, transaction_key, sum(amount_usd) AS difference_usd, session_date
FROM ledger_entries WHERE session_date >= check_from()
GROUP BY account_id, transaction_key, session_date HAVING sum(amount_usd) <> 0;
COMMENT ON VIEW check_ledger_balanced IS 'Transactions of the books that do not sum to 0. Remedy: book the missing leg under the same transaction_key; entries are never changed.';

DROP VIEW check_positions_equal_fills;
CREATE VIEW check_positions_equal_fills AS
SELECT account_id, symbol, sum(held) AS held, sum(expected) AS expected, session_date FROM (
    SELECT account_id, session_date, symbol, quantity AS held, 0::numeric AS expected
    FROM positions WHERE session_date >= check_from()
    UNION ALL
    SELECT f.account_id, f.session_date, f.symbol, 0, CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END
    FROM fills f JOIN account_snapshots a USING (account_id, session_date) WHERE f.session_date >= check_from()
    UNION ALL
    SELECT d.account_id, d.session_date, h.key, 0, (h.value ->> 'quantity')::numeric
    FROM account_adoptions d CROSS JOIN LATERAL jsonb_each(d.positions) h WHERE d.session_date >= check_from()
    UNION ALL
    SELECT a.account_id, a.session_date, t.symbol, 0, trunc(p.quantity * coalesce(x.value, 1))
    FROM account_snapshots a
    JOIN stage_runs r ON r.stage = 'risk_execution' AND r.model = '' AND r.session_date = a.session_date
    CROSS JOIN LATERAL (SELECT max(b.session_date) AS session_date FROM account_snapshots b
                        WHERE b.account_id = a.account_id AND b.session_date < a.session_date) eve
    JOIN positions p ON p.account_id = a.account_id AND p.session_date = eve.session_date AND p.quantity <> 0
    LEFT JOIN symbol_changes c ON c.old_symbol = p.symbol AND c.known_at <= r.known_at AND c.effective <= a.session_date
        AND p.price_date < c.effective
    CROSS JOIN LATERAL (SELECT coalesce(c.new_symbol, p.symbol) AS symbol) t
    LEFT JOIN (
        SELECT symbol, ex_date, value, known_at, 'infinity'::timestamptz AS superseded_at
        FROM corporate_actions WHERE action_type = 'split'
        UNION ALL
        SELECT symbol, ex_date, value, known_at, superseded_at
        FROM corporate_actions_history WHERE action_type = 'split'
    ) x ON x.symbol = t.symbol AND x.ex_date > eve.session_date AND x.ex_date <= a.session_date
        AND x.known_at <= r.known_at AND x.superseded_at > r.known_at
    WHERE a.session_date >= check_from()
      AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.account_id = a.account_id AND e.session_date = a.session_date
                      AND e.kind = 'delisting' AND e.symbol = t.symbol)
) q GROUP BY account_id, symbol, session_date HAVING sum(held) <> sum(expected);
COMMENT ON VIEW check_positions_equal_fills IS 'Holdings that are not those of the session before, after splits and less what has left the market, with the session''s fills. Remedy: look at fills and corporate_actions of that symbol and session, and restore what was changed.';

CREATE VIEW check_snapshots_add_up AS
SELECT a.account_id, a.securities_usd, coalesce(p.value_usd, 0) AS positions_usd, a.session_date
FROM account_snapshots a LEFT JOIN (
    SELECT account_id, session_date, sum(market_value_usd) AS value_usd FROM positions
    WHERE session_date >= check_from() GROUP BY account_id, session_date
) p USING (account_id, session_date)
WHERE a.session_date >= check_from() AND a.securities_usd <> coalesce(p.value_usd, 0);
COMMENT ON VIEW check_snapshots_add_up IS 'Snapshots whose securities are not the sum of the positions'' values. Remedy: restore positions and account_snapshots of that session from a backup.';

DROP VIEW check_cash_equals_ledger;
CREATE VIEW check_cash_equals_ledger AS
SELECT a.account_id, a.cash_usd, coalesce(b.cash_usd, 0) + coalesce(e.moved_usd, 0) AS ledger_usd, a.session_date
FROM account_snapshots a
LEFT JOIN LATERAL (SELECT cash_usd FROM account_snapshots b
    WHERE b.account_id = a.account_id AND b.session_date < a.session_date ORDER BY b.session_date DESC LIMIT 1) b ON true
LEFT JOIN (
    SELECT account_id, session_date, sum(amount_usd) AS moved_usd FROM ledger_entries
    WHERE ledger_account = 'cash' AND session_date >= check_from() GROUP BY account_id, session_date
) e ON e.account_id = a.account_id AND e.session_date = a.session_date
WHERE a.session_date >= check_from() AND a.cash_usd <> coalesce(b.cash_usd, 0) + coalesce(e.moved_usd, 0);
COMMENT ON VIEW check_cash_equals_ledger IS 'Sessions whose cash is not the cash before and the session''s cash entries. Remedy: compare ledger_entries with fills and cash_movements of that session.';

CREATE OR REPLACE VIEW check_orders_approved AS
SELECT o.id, o.client_order_id, o.session_date FROM orders o LEFT JOIN risk_decisions d ON d.id = o.risk_decision_id
WHERE o.session_date >= check_from() AND (d.id IS NULL OR d.decision = 'rejected'
   OR (o.order_type = 'market' AND d.approved_quantity <> o.signed_quantity));
COMMENT ON VIEW check_orders_approved IS 'Orders without a decision that allows them; an exit rests on its entry''s. Remedy: cancel the order at the broker and find out who wrote it.';

-- An order may be filled sessions after it was decided, so those with a fill are looked at as well.
CREATE OR REPLACE VIEW check_filled_orders AS
SELECT o.id, o.state, o.quantity, o.filled_quantity, coalesce(f.quantity, 0) AS fills_quantity, o.session_date
FROM orders o LEFT JOIN LATERAL (
    SELECT sum(quantity)::numeric AS quantity FROM (
        SELECT quantity FROM fills WHERE order_id = o.id
        UNION ALL  -- told by a real broker in a session that is still open, whose books come at its end
        SELECT b.quantity FROM broker_fills b WHERE b.client_order_id = o.client_order_id AND b.session_date > (
            SELECT max(session_date) FROM account_snapshots WHERE account_id = o.account_id)) told) f ON true
WHERE (o.session_date >= check_from() OR o.id IN (SELECT order_id FROM fills WHERE session_date >= check_from()))
  AND (o.filled_quantity <> coalesce(f.quantity, 0) OR (o.state = 'filled' AND o.filled_quantity <> o.quantity));
COMMENT ON VIEW check_filled_orders IS 'Orders whose filled quantity is not the sum of their fills, or that are filled and not in full. Remedy: reconcile the order with the broker.';
CREATE INDEX fills_of_order ON fills (order_id);

CREATE OR REPLACE VIEW check_fills_after_decision AS
SELECT f.id, o.session_date AS decided, f.session_date AS filled, f.session_date
FROM fills f JOIN orders o ON o.id = f.order_id
WHERE f.session_date >= check_from()
  AND (f.session_date < o.session_date OR (f.session_date = o.session_date AND o.order_type = 'market'));
COMMENT ON VIEW check_fills_after_decision IS 'Fills in the session they were decided on or before it, of exits before the session they were placed in. Remedy: look at the broker''s record of that fill.';

CREATE OR REPLACE VIEW check_signals_have_features AS
SELECT s.id, s.symbol, s.session_date FROM signals s
WHERE s.session_date >= check_from()
  AND NOT EXISTS (SELECT FROM feature_values v WHERE v.symbol = s.symbol AND v.date = s.session_date);
COMMENT ON VIEW check_signals_have_features IS 'Signals without the features they must have come from. Remedy: run feature_engineering for that session and compare.';

CREATE VIEW check_signals_use_known_bars AS
SELECT s.id, s.symbol, b.known_at, r.known_at AS cutoff, s.session_date
FROM signals s
JOIN stage_runs r ON r.stage = 'model_execution' AND r.model = '' AND r.session_date = s.session_date
JOIN market_data b ON b.symbol = s.symbol AND b.date = s.session_date AND b.known_at > r.known_at
WHERE s.session_date >= check_from()
  AND NOT EXISTS (SELECT FROM market_data_history h
                  WHERE h.symbol = s.symbol AND h.date = s.session_date AND h.known_at <= r.known_at);
COMMENT ON VIEW check_signals_use_known_bars IS 'Signals of a session whose bar was only known after the session''s cutoff: they used a later one. Remedy: restate model_execution for that session.';

CREATE VIEW check_cutoffs_not_later AS
SELECT r.stage, r.known_at, i.known_at AS ingested, r.session_date
FROM stage_runs r JOIN stage_runs i ON i.stage = 'data_ingestion' AND i.model = '' AND i.session_date = r.session_date
WHERE r.session_date >= check_from() AND r.stage = 'risk_execution' AND r.status = 'completed' AND r.known_at > i.known_at;
COMMENT ON VIEW check_cutoffs_not_later IS 'Sessions decided from facts later than those the session was completed with. Remedy: find out what moved stage_runs.known_at.';

CREATE VIEW check_no_orders_while_killed AS
SELECT o.id, o.client_order_id, k.reason, o.session_date
FROM orders o JOIN kill_switch k ON k.account_id = o.account_id AND k.engaged
    AND coalesce(o.submitted_at, o.created_at) > k.changed_at
WHERE o.session_date >= check_from() AND o.order_type = 'market' AND o.state <> 'planned';
COMMENT ON VIEW check_no_orders_while_killed IS 'Orders written, or sent to a real broker, after the kill switch was thrown. Remedy: cancel them at the broker and find out how they passed.';

CREATE VIEW check_audit_complete AS
SELECT 'decision/' || d.account_id || '/' || d.session_date || '/' || d.symbol AS idempotency_key, d.session_date
FROM risk_decisions d JOIN account_snapshots a USING (account_id, session_date)
WHERE d.session_date >= check_from() AND NOT EXISTS (
    SELECT FROM audit_events e
    WHERE e.idempotency_key = 'decision/' || d.account_id || '/' || d.session_date || '/' || d.symbol)
UNION ALL
SELECT 'fill/' || f.broker_fill_id, f.session_date
FROM fills f JOIN account_snapshots a USING (account_id, session_date)
WHERE f.session_date >= check_from()
  AND NOT EXISTS (SELECT FROM audit_events e WHERE e.idempotency_key = 'fill/' || f.broker_fill_id);
COMMENT ON VIEW check_audit_complete IS 'Decisions and fills of completed sessions that left no event. Remedy: somebody deleted from audit_events; restore it from a backup.';

-- A symbol that is not held has no row each session, only one when it is closed or its ended side changes.
CREATE INDEX positions_closed ON positions (account_id, symbol, session_date) WHERE quantity = 0;
COMMENT ON TABLE positions IS 'Holdings at each session''s close; of a symbol not held any more a row, with quantity 0, at the session that ended it and when ended_side changes.';
