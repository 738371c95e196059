-- Stops, targets and trailing stops: stated by signals, kept with the holding, resting as child orders of its entry.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['signals', 'signals_history', 'pending_signals'] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN take_profit double precision CHECK (take_profit BETWEEN 0 AND 100), '
            'ADD COLUMN trailing_stop_usd double precision CHECK (trailing_stop_usd >= 0 AND trailing_stop_usd < 1e8)', name);
        EXECUTE format('COMMENT ON COLUMN %I.take_profit IS %L', name,
            'Distance from the entry price as a fraction, NULL for none');
        EXECUTE format('COMMENT ON COLUMN %I.trailing_stop_usd IS %L', name,
            'Distance of a trailing stop known at the session''s close, USD per share as traded then, NULL for none');
    END LOOP;
END
$$;

ALTER TABLE target_positions ADD COLUMN reason text NOT NULL DEFAULT '';
COMMENT ON COLUMN target_positions.reason IS 'Why the target is 0 although the score is not; empty otherwise';

ALTER TABLE positions
    ADD COLUMN entry_order text,
    ADD COLUMN stop_loss double precision CHECK (stop_loss BETWEEN 0 AND 1),
    ADD COLUMN take_profit double precision CHECK (take_profit BETWEEN 0 AND 100),
    ADD COLUMN best_price numeric CHECK (best_price > 0 AND best_price < 1e8),
    ADD COLUMN trailing_price numeric CHECK (trailing_price > 0 AND trailing_price < 1e8),
    ADD COLUMN ended_side integer NOT NULL DEFAULT 0 CHECK (ended_side BETWEEN -1 AND 1);
COMMENT ON COLUMN positions.entry_order IS 'orders.client_order_id of the order that opened the holding, NULL when flat or without exits for good';
COMMENT ON COLUMN positions.stop_loss IS 'Stop below (short: above) the average cost, fraction, settled at the entry; NULL for none';
COMMENT ON COLUMN positions.take_profit IS 'Target above (short: below) the average cost, fraction, settled at the entry; NULL for none';
COMMENT ON COLUMN positions.best_price IS 'Highest high since the entry, lowest low of a short, USD; NULL without entry_order';
COMMENT ON COLUMN positions.trailing_price IS 'Where the trailing stop stands from the next session on, USD; NULL for none';
COMMENT ON COLUMN positions.ended_side IS '1: an exit ended a long, which is not entered again until the score turns; -1: a short; 0: none';

ALTER TABLE orders
    ADD COLUMN parent_order_id bigint,
    ADD COLUMN stop_price numeric CHECK (stop_price > 0 AND stop_price < 1e8),
    ADD COLUMN limit_price numeric CHECK (limit_price > 0 AND limit_price < 1e8),
    ADD COLUMN stop_loss double precision CHECK (stop_loss BETWEEN 0 AND 1),
    ADD COLUMN take_profit double precision CHECK (take_profit BETWEEN 0 AND 100),
    ADD COLUMN ended_session date,
    ADD COLUMN decided_quantity bigint
        GENERATED ALWAYS AS (CASE WHEN order_type = 'market' THEN CASE side WHEN 'buy' THEN quantity ELSE -quantity END END) STORED,
    ADD COLUMN parent_type text GENERATED ALWAYS AS (CASE WHEN order_type <> 'market' THEN 'market' END) STORED,
    ADD COLUMN parent_side text
        GENERATED ALWAYS AS (CASE WHEN order_type <> 'market' THEN CASE side WHEN 'buy' THEN 'sell' ELSE 'buy' END END) STORED;
COMMENT ON TABLE orders IS 'Market day orders, decided after session_date''s close for the next open, each with a decision that allows exactly its quantity; and their children: exits placed at session_date''s open, resting until they fill or are cancelled.';
COMMENT ON COLUMN orders.session_date IS 'Session at whose close it was decided; of an exit, at whose open it was placed';
COMMENT ON COLUMN orders.risk_decision_id IS 'risk_decisions.id that allows it; of an exit, its entry''s';
COMMENT ON COLUMN orders.quantity IS 'Whole shares in the next session''s share basis; of an exit, in session_date''s';
COMMENT ON COLUMN orders.order_type IS 'market; an exit: stop, limit, trailing_stop';
COMMENT ON COLUMN orders.time_in_force IS 'day: fills at the next session''s open or expires; gtc: rests until it fills or is cancelled';
COMMENT ON COLUMN orders.reference_price IS 'Close it was decided on, USD, in the order''s share basis; of an exit, the holding''s average cost';
COMMENT ON COLUMN orders.state IS 'planned (dry run), submitted, filled, expired; an exit: resting, filled, cancelled';
COMMENT ON COLUMN orders.reason IS 'Why it expired, was cancelled or was only planned';
COMMENT ON COLUMN orders.parent_order_id IS 'orders.id of the order that opened the holding an exit belongs to, NULL for market orders';
COMMENT ON COLUMN orders.stop_price IS 'Price of a stop, USD; of a trailing one where it was placed, positions.trailing_price says where it stands';
COMMENT ON COLUMN orders.limit_price IS 'Price of a target, USD, NULL for other types';
COMMENT ON COLUMN orders.stop_loss IS 'Of an order that opens a holding: stop its children will have, fraction of the entry price, NULL for none';
COMMENT ON COLUMN orders.take_profit IS 'Of an order that opens a holding: target its children will have, fraction of the entry price, NULL for none';
COMMENT ON COLUMN orders.ended_session IS 'Session in which an exit filled or was cancelled, NULL while it rests and for market orders';
COMMENT ON COLUMN orders.decided_quantity IS 'signed_quantity of a market order, which its decision must equal';
COMMENT ON COLUMN orders.parent_type IS 'Always market for an exit: children have no children';
COMMENT ON COLUMN orders.parent_side IS 'Opposite of an exit''s side: it ends what its parent opened';

ALTER TABLE orders
    DROP CONSTRAINT orders_risk_decision_id_risk_may_order_signed_quantity_sym_fkey,
    DROP CONSTRAINT orders_risk_decision_id_key,
    DROP CONSTRAINT orders_account_id_session_date_symbol_key,
    DROP CONSTRAINT orders_order_type_check,
    DROP CONSTRAINT orders_time_in_force_check,
    DROP CONSTRAINT orders_state_check,
    ADD FOREIGN KEY (risk_decision_id, risk_may_order, decided_quantity, symbol, session_date, account_id)
        REFERENCES risk_decisions (id, may_order, approved_quantity, symbol, session_date, account_id),
    ADD UNIQUE (account_id, session_date, symbol, order_type),
    ADD UNIQUE (id, risk_decision_id, account_id, side, order_type),
    ADD FOREIGN KEY (parent_order_id, risk_decision_id, account_id, parent_side, parent_type)
        REFERENCES orders (id, risk_decision_id, account_id, side, order_type),
    ADD CHECK (order_type IN ('market', 'stop', 'limit', 'trailing_stop')),
    ADD CHECK ((order_type = 'market') = (parent_order_id IS NULL)),
    ADD CHECK (time_in_force = CASE order_type WHEN 'market' THEN 'day' ELSE 'gtc' END),
    ADD CHECK (CASE order_type WHEN 'market' THEN state IN ('planned', 'submitted', 'filled', 'expired')
                               ELSE state IN ('resting', 'filled', 'cancelled') END),
    ADD CHECK ((stop_price IS NOT NULL) = (order_type IN ('stop', 'trailing_stop'))),
    ADD CHECK ((limit_price IS NOT NULL) = (order_type = 'limit')),
    ADD CHECK (order_type = 'market' OR (stop_loss IS NULL AND take_profit IS NULL)),
    ADD CHECK ((ended_session IS NOT NULL) = (order_type <> 'market' AND state <> 'resting')),
    ADD CHECK (ended_session >= session_date);
CREATE UNIQUE INDEX orders_of_decision ON orders (risk_decision_id) WHERE order_type = 'market';
CREATE INDEX orders_resting ON orders (account_id, symbol) WHERE state = 'resting';
CREATE INDEX orders_children ON orders (parent_order_id) WHERE parent_order_id IS NOT NULL;
GRANT UPDATE (ended_session) ON orders TO quant_writer;

CREATE FUNCTION rest_exit() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.state := 'resting';
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION rest_exit IS 'An exit begins its life resting, as a market order begins it submitted.';
CREATE TRIGGER orders_rest_exit BEFORE INSERT ON orders
    FOR EACH ROW WHEN (NEW.order_type <> 'market') EXECUTE FUNCTION rest_exit();

CREATE FUNCTION refuse_growing_exit() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    bad text;
BEGIN
    SELECT o.client_order_id INTO bad FROM added a
    JOIN fills f ON (f.account_id, f.session_date, f.symbol) = (a.account_id, a.session_date, a.symbol)
    JOIN orders o ON o.id = f.order_id AND o.order_type <> 'market'
    WHERE a.quantity <> 0 LIMIT 1;
    IF bad IS NULL THEN
        SELECT o.client_order_id INTO bad FROM added a
        JOIN orders o ON o.state = 'resting' AND (o.account_id, o.symbol) = (a.account_id, a.symbol)
        WHERE a.session_date = (SELECT max(session_date) FROM added)
          AND o.quantity > CASE o.side WHEN 'sell' THEN a.quantity ELSE -a.quantity END LIMIT 1;
    END IF;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'exit % does not fit its holding', bad USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION refuse_growing_exit IS 'Exits only reduce: one that filled left nothing and turned no side, one that rests is no larger than its holding.';
CREATE TRIGGER positions_fit_exits AFTER INSERT ON positions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_growing_exit();

CREATE OR REPLACE VIEW check_orders_approved AS
SELECT o.id, o.client_order_id FROM orders o LEFT JOIN risk_decisions d ON d.id = o.risk_decision_id
WHERE d.id IS NULL OR d.decision = 'rejected'
   OR (o.order_type = 'market' AND d.approved_quantity <> o.signed_quantity);
COMMENT ON VIEW check_orders_approved IS 'Orders without a decision that allows them; an exit rests on its entry''s.';

CREATE OR REPLACE VIEW check_fills_after_decision AS
SELECT f.id, o.session_date AS decided, f.session_date AS filled
FROM fills f JOIN orders o ON o.id = f.order_id
WHERE f.session_date < o.session_date OR (f.session_date = o.session_date AND o.order_type = 'market');
COMMENT ON VIEW check_fills_after_decision IS 'Fills in the session they were decided on or before it, of exits before the session they were placed in.';

CREATE VIEW check_exits_fit_holdings AS
WITH last AS (
    SELECT account_id, max(session_date) AS session_date FROM account_snapshots GROUP BY account_id
)
SELECT o.id, o.symbol, o.signed_quantity, coalesce(p.quantity, 0) AS held
FROM last l JOIN orders o ON o.account_id = l.account_id AND o.order_type <> 'market'
    AND o.session_date <= l.session_date AND (o.ended_session IS NULL OR o.ended_session > l.session_date)
LEFT JOIN positions p ON (p.account_id, p.session_date, p.symbol) = (l.account_id, l.session_date, o.symbol)
WHERE o.signed_quantity <> -coalesce(p.quantity, 0)
UNION ALL
SELECT o.id, o.symbol, o.signed_quantity, p.quantity
FROM fills f JOIN orders o ON o.id = f.order_id AND o.order_type <> 'market'
JOIN positions p ON (p.account_id, p.session_date, p.symbol) = (f.account_id, f.session_date, f.symbol)
WHERE p.quantity <> 0;
COMMENT ON VIEW check_exits_fit_holdings IS 'Exits that rest without being exactly the other side of their holding, or that filled and left one.';
