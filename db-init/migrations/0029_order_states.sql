-- The life of an order: what it was sent as, the states it goes through, and which may follow which.
ALTER TABLE accounts
    DROP CONSTRAINT accounts_broker_check,
    ADD CHECK (broker IN ('simulated', 'alpaca')),
    ADD COLUMN broker_account text CHECK (broker_account ~ '^[A-Za-z0-9-]{1,64}$'),
    ADD CHECK ((broker = 'simulated') = (broker_account IS NULL));
COMMENT ON TABLE accounts IS 'Paper accounts: of the simulated broker, or at Alpaca.';
COMMENT ON COLUMN accounts.broker_account IS 'The broker''s own id of the account, which must prove itself before each batch; NULL when simulated';

-- Neither account, symbol nor text of a number holds a backslash, so that the bytes are those of the text.
ALTER TABLE risk_decisions ADD COLUMN decision_hash text GENERATED ALWAYS AS (encode(sha256((
    account_id || '/' || (session_date - DATE '2000-01-01')::text || '/' || symbol || '/' || approved_quantity::text
)::bytea), 'hex')) STORED, ADD UNIQUE (id, decision_hash);
COMMENT ON COLUMN risk_decisions.decision_hash IS 'SHA-256 of account, days since 2000-01-01, symbol and approved quantity; an order names it beside the id';

ALTER TABLE orders
    DISABLE TRIGGER USER,
    ADD COLUMN begun text NOT NULL DEFAULT 'submitted',
    ADD COLUMN decision_hash text,
    ADD COLUMN payload_hash text,
    ADD COLUMN broker_order_id text UNIQUE CHECK (broker_order_id ~ '^[A-Za-z0-9-]{1,64}$'),
    ADD COLUMN submitted_at timestamptz;
UPDATE orders o SET
    begun = CASE WHEN o.order_type <> 'market' THEN 'resting' WHEN o.state = 'planned' THEN 'planned' ELSE 'submitted' END,
    decision_hash = d.decision_hash,
    payload_hash = encode(sha256((
        o.account_id || '/' || (o.session_date - DATE '2000-01-01')::text || '/' || o.symbol || '/' || o.side || '/'
        || o.quantity::text || '/' || o.order_type || '/' || o.time_in_force || '/'
        || coalesce(trim_scale(o.stop_price)::text, '') || '/' || coalesce(trim_scale(o.limit_price)::text, '') || '/'
        || coalesce(o.stop_loss::text, '') || '/' || coalesce(o.take_profit::text, ''))::bytea), 'hex')
FROM risk_decisions d WHERE d.id = o.risk_decision_id;
ALTER TABLE orders
    ENABLE TRIGGER USER,
    ALTER COLUMN decision_hash SET NOT NULL,
    ALTER COLUMN payload_hash SET NOT NULL,
    ADD FOREIGN KEY (risk_decision_id, decision_hash) REFERENCES risk_decisions (id, decision_hash),
    ADD CONSTRAINT orders_payload_hash CHECK (payload_hash = encode(sha256((
        account_id || '/' || (session_date - DATE '2000-01-01')::text || '/' || symbol || '/' || side || '/'
        || quantity::text || '/' || order_type || '/' || time_in_force || '/'
        || coalesce(trim_scale(stop_price)::text, '') || '/' || coalesce(trim_scale(limit_price)::text, '') || '/'
        || coalesce(stop_loss::text, '') || '/' || coalesce(take_profit::text, ''))::bytea), 'hex')),
    ADD CHECK (begun IN ('planned', 'submitted', 'blocked', 'resting') AND (begun = 'resting') = (order_type <> 'market')),
    ADD CHECK (state <> 'unknown' OR broker_order_id IS NULL);
COMMENT ON COLUMN orders.begun IS 'State it began in: submitted; planned in a dry run and until a real broker is sent it; blocked when it may not be sent; resting for an exit';
COMMENT ON COLUMN orders.decision_hash IS 'risk_decisions.decision_hash of the decision it was made from; of an exit, its entry''s';
COMMENT ON COLUMN orders.payload_hash IS 'SHA-256 of what is sent; one client_order_id has one payload for good';
COMMENT ON COLUMN orders.broker_order_id IS 'The broker''s own id, NULL while it has not acknowledged the order and in the simulated account';
COMMENT ON COLUMN orders.submitted_at IS 'Wall clock when it was claimed for sending to a real broker, NULL otherwise';
COMMENT ON COLUMN orders.state IS 'planned, submitted, unknown (no answer came), accepted, partially_filled, filled, cancelled, rejected, expired, blocked; an exit: resting, filled, cancelled, expired, rejected';
COMMENT ON COLUMN orders.filled_quantity IS 'Shares filled so far; of a cancelled or expired order, before it ended';

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = 'orders'::regclass AND contype = 'c'
        AND pg_get_constraintdef(oid) LIKE '%''submitted''%''expired''%''resting''%' LOOP
        EXECUTE format('ALTER TABLE orders DROP CONSTRAINT %I', name);
    END LOOP;
END
$$;

CREATE TABLE order_transitions (
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
COMMENT ON TABLE order_transitions IS 'Which state of an order may follow which; a trigger refuses all others.';
COMMENT ON COLUMN order_transitions.from_state IS 'State before; new for an order that is written';
COMMENT ON COLUMN order_transitions.to_state IS 'State after';
COMMENT ON COLUMN order_transitions.reason IS 'What leads from one to the other';
INSERT INTO order_transitions (from_state, to_state, reason) VALUES
    ('new', 'submitted', 'handed to the simulated broker with the write'),
    ('new', 'planned', 'a dry run, or not yet sent to a real broker'),
    ('new', 'blocked', 'may not be sent'),
    ('new', 'resting', 'an exit placed'),
    ('planned', 'submitted', 'claimed for sending: written before it is sent'),
    ('planned', 'blocked', 'no approval, kill switch, limit at the send point'),
    ('planned', 'cancelled', 'taken back before it was sent'),
    ('planned', 'expired', 'its session went by before it was sent'),
    ('submitted', 'unknown', 'no answer came that says what became of it'),
    ('submitted', 'accepted', 'acknowledged'),
    ('submitted', 'partially_filled', 'acknowledged, part of it executed'),
    ('submitted', 'filled', 'executed in full'),
    ('submitted', 'cancelled', 'cancelled by us or the broker'),
    ('submitted', 'rejected', 'refused by the broker'),
    ('submitted', 'expired', 'ended with its session'),
    ('unknown', 'submitted', 'looked up and not there: claimed once more under the same client_order_id'),
    ('unknown', 'accepted', 'looked up and there'),
    ('unknown', 'partially_filled', 'looked up and there'),
    ('unknown', 'filled', 'looked up and there'),
    ('unknown', 'cancelled', 'looked up and there'),
    ('unknown', 'rejected', 'looked up and there'),
    ('unknown', 'expired', 'looked up after its session, there or not'),
    ('unknown', 'blocked', 'looked up, not there, and no longer to be sent'),
    ('accepted', 'partially_filled', 'part of it executed'),
    ('accepted', 'filled', 'executed in full'),
    ('accepted', 'cancelled', 'cancelled by us or the broker'),
    ('accepted', 'rejected', 'refused after the acknowledgement'),
    ('accepted', 'expired', 'ended with its session'),
    ('partially_filled', 'filled', 'executed in full'),
    ('partially_filled', 'cancelled', 'the rest cancelled'),
    ('partially_filled', 'expired', 'the rest ended with its session'),
    ('cancelled', 'filled', 'a late fill: it had executed in full before the cancellation'),
    ('expired', 'filled', 'a late fill: it had executed in full before its session ended'),
    ('resting', 'filled', 'the exit was reached'),
    ('resting', 'cancelled', 'taken back'),
    ('resting', 'expired', 'ended by the broker'),
    ('resting', 'rejected', 'refused by the broker');

ALTER TABLE orders
    ADD CHECK (state IN ('planned', 'submitted', 'unknown', 'accepted', 'partially_filled', 'filled', 'cancelled',
                         'rejected', 'expired', 'blocked', 'resting')),
    ADD CHECK (CASE order_type WHEN 'market' THEN state <> 'resting'
                               ELSE state IN ('resting', 'filled', 'cancelled', 'expired', 'rejected') END),
    ADD CHECK (state NOT IN ('planned', 'blocked', 'rejected', 'submitted', 'unknown', 'accepted') OR filled_quantity = 0),
    ADD CHECK (state <> 'partially_filled' OR filled_quantity > 0);
DROP INDEX orders_open;
CREATE INDEX orders_open ON orders (account_id, session_date)
    WHERE state IN ('planned', 'submitted', 'unknown', 'accepted', 'partially_filled');

DROP TRIGGER orders_rest_exit ON orders;
DROP FUNCTION rest_exit;
CREATE FUNCTION begin_order() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state <> 'submitted' OR NEW.filled_quantity <> 0 THEN
        RAISE EXCEPTION 'order % may not begin %', NEW.client_order_id, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    NEW.state := NEW.begun;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION begin_order IS 'An order begins in the state that its writer says, with nothing filled.';
CREATE TRIGGER orders_begin BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.state <> NEW.begun) EXECUTE FUNCTION begin_order();

CREATE FUNCTION refuse_transition() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    bad record;
BEGIN
    SELECT n.client_order_id, o.state AS before, n.state AS after INTO bad FROM added n JOIN removed o USING (id)
    WHERE (n.state <> o.state AND NOT EXISTS (
              SELECT FROM order_transitions t WHERE t.from_state = o.state AND t.to_state = n.state))
       OR n.filled_quantity < o.filled_quantity
       OR (o.broker_order_id IS NOT NULL AND n.broker_order_id IS DISTINCT FROM o.broker_order_id)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'order % may not go from % to %', bad.client_order_id, bad.before, bad.after
            USING ERRCODE = 'check_violation', HINT = 'order_transitions lists what may; fills never become fewer';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION refuse_transition IS 'States follow order_transitions; fills never become fewer; a broker''s id stays.';
CREATE TRIGGER orders_transitions AFTER UPDATE ON orders
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_transition();

GRANT SELECT ON order_transitions TO quant_writer, quant_reader;
GRANT UPDATE (broker_order_id, submitted_at) ON orders TO quant_writer;
