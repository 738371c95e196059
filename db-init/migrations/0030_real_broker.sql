-- What a paper account at a real broker needs: somebody's approval, the broker's own words, hints, adoption.
CREATE TABLE order_approvals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL,
    run_id text NOT NULL CHECK (run_id <> ''),
    batch_hash text NOT NULL CHECK (batch_hash ~ '^[0-9a-f]{64}$'),
    orders integer NOT NULL CHECK (orders > 0),
    max_notional_usd numeric NOT NULL CHECK (max_notional_usd > 0 AND max_notional_usd < 1e13),
    status text NOT NULL DEFAULT 'requested' CHECK (status IN ('requested', 'approved', 'rejected', 'used', 'revoked')),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL CHECK (expires_at < '2200-01-01'),
    decided_at timestamptz,
    decided_by text,
    reason text NOT NULL DEFAULT '',
    UNIQUE (account_id, session_date, run_id, batch_hash),
    CHECK (expires_at > requested_at AND expires_at <= requested_at + interval '24 hours'),
    CHECK ((status = 'requested') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL))
);
COMMENT ON TABLE order_approvals IS 'What somebody allowed to be sent to a real broker: one batch of one run, once.';
COMMENT ON COLUMN order_approvals.id IS 'Surrogate key';
COMMENT ON COLUMN order_approvals.account_id IS 'accounts.id';
COMMENT ON COLUMN order_approvals.session_date IS 'Session at whose close the orders were decided';
COMMENT ON COLUMN order_approvals.run_id IS 'Airflow run it was asked in, and is good for';
COMMENT ON COLUMN order_approvals.batch_hash IS 'SHA-256 over the payload hashes of the orders in order: another batch needs another approval';
COMMENT ON COLUMN order_approvals.orders IS 'Number of orders';
COMMENT ON COLUMN order_approvals.max_notional_usd IS 'Quantity times reference price of all of them, USD: no more may be sent';
COMMENT ON COLUMN order_approvals.status IS 'requested, approved, rejected (also for want of an answer), used, revoked';
COMMENT ON COLUMN order_approvals.requested_at IS 'Wall clock of the request';
COMMENT ON COLUMN order_approvals.expires_at IS 'Until when it may be decided and used';
COMMENT ON COLUMN order_approvals.decided_at IS 'Wall clock of the last decision about it';
COMMENT ON COLUMN order_approvals.decided_by IS 'Who decided';
COMMENT ON COLUMN order_approvals.reason IS 'Why it was rejected or revoked';

CREATE FUNCTION keep_approval() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (NEW.account_id, NEW.session_date, NEW.run_id, NEW.batch_hash, NEW.orders, NEW.max_notional_usd, NEW.requested_at,
        NEW.expires_at) IS DISTINCT FROM (OLD.account_id, OLD.session_date, OLD.run_id, OLD.batch_hash, OLD.orders,
        OLD.max_notional_usd, OLD.requested_at, OLD.expires_at)
       OR NOT (OLD.status, NEW.status) IN (('requested', 'approved'), ('requested', 'rejected'), ('requested', 'revoked'),
                                           ('approved', 'used'), ('approved', 'revoked'), ('used', 'revoked'))
       OR (NEW.status IN ('approved', 'used') AND clock_timestamp() > OLD.expires_at) THEN
        RAISE EXCEPTION 'approval % may not go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', HINT = 'it is good for one batch, once, until it expires';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_approval IS 'An approval keeps what it was asked for, is used once, and not after it has expired.';
CREATE TRIGGER order_approvals_kept BEFORE UPDATE ON order_approvals FOR EACH ROW EXECUTE FUNCTION keep_approval();

ALTER TABLE orders ADD COLUMN approval_id bigint REFERENCES order_approvals (id);
COMMENT ON COLUMN orders.approval_id IS 'order_approvals.id under which it was sent, NULL in the simulated account and when never sent';

CREATE FUNCTION refuse_unapproved() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT broker FROM accounts WHERE id = NEW.account_id) <> 'simulated' AND NOT EXISTS (
        SELECT FROM order_approvals p WHERE p.id = NEW.approval_id AND p.status = 'used'
        AND p.account_id = NEW.account_id AND p.session_date = NEW.session_date) THEN
        RAISE EXCEPTION 'order % has no approval', NEW.client_order_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION refuse_unapproved IS 'Nothing goes to a real broker without an approval in use for it.';
CREATE TRIGGER orders_approved BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (NEW.state = 'submitted' AND OLD.state <> 'submitted') EXECUTE FUNCTION refuse_unapproved();
CREATE TRIGGER orders_begin_approved BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.begun = 'submitted' AND NEW.account_id <> 'paper') EXECUTE FUNCTION refuse_unapproved();

CREATE TABLE broker_fills (
    account_id text NOT NULL REFERENCES accounts (id),
    broker_fill_id text NOT NULL CHECK (broker_fill_id <> ''),
    broker_order_id text NOT NULL,
    client_order_id text NOT NULL REFERENCES orders (client_order_id),
    session_date date NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity bigint NOT NULL CHECK (quantity > 0),
    cumulative_quantity bigint NOT NULL CHECK (cumulative_quantity >= quantity),
    price numeric NOT NULL CHECK (price > 0 AND price < 1e8),
    commission_usd numeric NOT NULL CHECK (commission_usd >= 0 AND commission_usd < 1e9),
    executed_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, broker_fill_id),
    UNIQUE (account_id, broker_order_id, cumulative_quantity)
);
CREATE INDEX broker_fills_of_order ON broker_fills (client_order_id);
COMMENT ON TABLE broker_fills IS 'Executions as a real broker tells them, once each; fills are booked from them.';
COMMENT ON COLUMN broker_fills.account_id IS 'accounts.id';
COMMENT ON COLUMN broker_fills.broker_fill_id IS 'The broker''s own id of the execution';
COMMENT ON COLUMN broker_fills.broker_order_id IS 'The broker''s own id of the order';
COMMENT ON COLUMN broker_fills.client_order_id IS 'orders.client_order_id';
COMMENT ON COLUMN broker_fills.session_date IS 'Session it is booked in: that of its execution, or a later one when it was told late';
COMMENT ON COLUMN broker_fills.symbol IS 'Ticker';
COMMENT ON COLUMN broker_fills.side IS 'buy or sell';
COMMENT ON COLUMN broker_fills.quantity IS 'Shares of this execution';
COMMENT ON COLUMN broker_fills.cumulative_quantity IS 'Shares of its order executed up to and with it';
COMMENT ON COLUMN broker_fills.price IS 'USD per share';
COMMENT ON COLUMN broker_fills.commission_usd IS 'Commission, USD';
COMMENT ON COLUMN broker_fills.executed_at IS 'When the broker says it happened';
COMMENT ON COLUMN broker_fills.recorded_at IS 'Wall clock of the write';

CREATE TABLE broker_cash (
    account_id text NOT NULL REFERENCES accounts (id),
    activity_id text NOT NULL CHECK (activity_id <> ''),
    session_date date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('dividend', 'fee', 'interest', 'transfer')),
    symbol text,
    amount_usd numeric NOT NULL CHECK (amount_usd > -1e13 AND amount_usd < 1e13),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, activity_id)
);
COMMENT ON TABLE broker_cash IS 'Money that came to or went from an account at a real broker without a fill.';
COMMENT ON COLUMN broker_cash.account_id IS 'accounts.id';
COMMENT ON COLUMN broker_cash.activity_id IS 'The broker''s own id of the activity';
COMMENT ON COLUMN broker_cash.session_date IS 'Session it is booked in';
COMMENT ON COLUMN broker_cash.kind IS 'dividend, fee, interest, transfer';
COMMENT ON COLUMN broker_cash.symbol IS 'Ticker, NULL for cash alone';
COMMENT ON COLUMN broker_cash.amount_usd IS 'USD, positive when it came';
COMMENT ON COLUMN broker_cash.recorded_at IS 'Wall clock of the write';

CREATE TABLE account_adoptions (
    account_id text PRIMARY KEY REFERENCES accounts (id),
    session_date date NOT NULL,
    cash_usd numeric NOT NULL CHECK (cash_usd >= 0 AND cash_usd < 1e13),
    positions jsonb NOT NULL,
    adopted_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE account_adoptions IS 'What an account at a real broker held when it was taken over, once.';
COMMENT ON COLUMN account_adoptions.account_id IS 'accounts.id';
COMMENT ON COLUMN account_adoptions.session_date IS 'Last session before it was taken over; the books begin with the next one';
COMMENT ON COLUMN account_adoptions.cash_usd IS 'Cash, USD';
COMMENT ON COLUMN account_adoptions.positions IS 'Signed quantity and average cost by symbol';
COMMENT ON COLUMN account_adoptions.adopted_by IS 'Database role';
COMMENT ON COLUMN account_adoptions.created_at IS 'Wall clock of the write';

CREATE TABLE order_hints (
    signature text PRIMARY KEY CHECK (signature ~ '^[0-9a-f]{64}$'),
    sent_at timestamptz NOT NULL CHECK (sent_at BETWEEN '2000-01-01' AND '2200-01-01'),
    key_number integer NOT NULL CHECK (key_number BETWEEN 1 AND 2),
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heeded_at timestamptz
);
COMMENT ON TABLE order_hints IS 'Webhook calls that said an order has changed, each taken once: a reason to ask the broker, never a fill.';
COMMENT ON COLUMN order_hints.signature IS 'HMAC-SHA256 of timestamp and body, hexadecimal: the same call is not taken again';
COMMENT ON COLUMN order_hints.sent_at IS 'Timestamp that was signed';
COMMENT ON COLUMN order_hints.key_number IS '1: the key in force, 2: the one it follows';
COMMENT ON COLUMN order_hints.received_at IS 'Wall clock of the write';
COMMENT ON COLUMN order_hints.heeded_at IS 'When a reconciliation followed, NULL before';

-- At a real broker an exit may fill in parts, over sessions: what is left of it still fits what is left of the holding.
CREATE OR REPLACE FUNCTION refuse_growing_exit() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    bad text;
BEGIN
    SELECT o.client_order_id INTO bad FROM added a
    JOIN fills f ON (f.account_id, f.session_date, f.symbol) = (a.account_id, a.session_date, a.symbol)
    JOIN orders o ON o.id = f.order_id AND o.order_type <> 'market'
    WHERE CASE o.side WHEN 'sell' THEN a.quantity ELSE -a.quantity END < 0 OR a.quantity <> 0 AND o.quantity <= (
        SELECT sum(g.quantity) FROM fills g WHERE g.order_id = o.id AND g.session_date <= a.session_date) LIMIT 1;
    IF bad IS NULL THEN
        SELECT o.client_order_id INTO bad FROM added a
        JOIN orders o ON o.state = 'resting' AND (o.account_id, o.symbol) = (a.account_id, a.symbol)
        WHERE a.session_date = (SELECT max(session_date) FROM added)
          AND o.quantity - o.filled_quantity > CASE o.side WHEN 'sell' THEN a.quantity ELSE -a.quantity END LIMIT 1;
    END IF;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'exit % does not fit its holding', bad USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION refuse_growing_exit IS 'Exits only reduce: one that filled in full left nothing, none turned the side, and what rests is no larger than its holding.';

CREATE OR REPLACE VIEW check_exits_fit_holdings AS
WITH last AS (
    SELECT account_id, max(session_date) AS session_date FROM account_snapshots GROUP BY account_id
)
SELECT o.id, o.symbol, o.signed_quantity, coalesce(p.quantity, 0) AS held
FROM last l JOIN orders o ON o.account_id = l.account_id AND o.order_type <> 'market'
    AND o.session_date <= l.session_date AND (o.ended_session IS NULL OR o.ended_session > l.session_date)
LEFT JOIN positions p ON (p.account_id, p.session_date, p.symbol) = (l.account_id, l.session_date, o.symbol)
WHERE o.signed_quantity + coalesce(p.quantity, 0) <> sign(o.signed_quantity) * coalesce((
    SELECT sum(g.quantity) FROM fills g WHERE g.order_id = o.id AND g.session_date <= l.session_date), 0)
UNION ALL
SELECT o.id, o.symbol, o.signed_quantity, p.quantity
FROM fills f JOIN orders o ON o.id = f.order_id AND o.order_type <> 'market'
JOIN positions p ON (p.account_id, p.session_date, p.symbol) = (f.account_id, f.session_date, f.symbol)
WHERE p.quantity <> 0 AND o.quantity <= (
    SELECT sum(g.quantity) FROM fills g WHERE g.order_id = o.id AND g.session_date <= f.session_date);
COMMENT ON VIEW check_exits_fit_holdings IS 'Exits of which what rests is not exactly the other side of their holding, or that filled in full and left one.';

GRANT SELECT ON order_approvals, broker_fills, broker_cash, account_adoptions, order_hints TO quant_reader, quant_writer;
GRANT INSERT ON order_approvals, broker_fills, broker_cash, account_adoptions, order_hints TO quant_writer;
GRANT UPDATE (status, decided_at, decided_by, reason) ON order_approvals TO quant_writer;
GRANT UPDATE (approval_id) ON orders TO quant_writer;
GRANT UPDATE (heeded_at) ON order_hints TO quant_writer;
