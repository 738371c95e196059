-- Limits with validity in time, a kill switch with a history, and what each session found of the account's fall.
-- The two limits of before are loaded anew from include/limits.yaml unless somebody has changed them.
DELETE FROM risk_limits WHERE (name, threshold) IN (('max_position', 0.10), ('max_gross_exposure', 1.00));
ALTER TABLE risk_limits
    DROP CONSTRAINT risk_limits_name_check,
    DROP CONSTRAINT risk_limits_threshold_check,
    DROP CONSTRAINT risk_limits_pkey,
    ADD COLUMN symbol text NOT NULL DEFAULT '',
    ADD COLUMN reason text NOT NULL DEFAULT '',
    ADD CHECK (name ~ '^[a-z][a-z0-9_]{0,62}$'),
    ADD CHECK (threshold >= 0 AND threshold <= 1e9),
    ADD PRIMARY KEY (name, symbol);
ALTER TABLE risk_limits RENAME COLUMN updated_at TO valid_from;
ALTER TABLE risk_limits RENAME COLUMN updated_by TO changed_by;
COMMENT ON TABLE risk_limits IS 'Limits every order is checked against. Yours to change, not to delete; counts from the next session decided, and each decision stores the threshold it met.';
COMMENT ON COLUMN risk_limits.symbol IS 'Symbol the threshold is for, empty for all that have none of their own';
COMMENT ON COLUMN risk_limits.valid_from IS 'When this version was written';
COMMENT ON COLUMN risk_limits.changed_by IS 'Database role that wrote it';
COMMENT ON COLUMN risk_limits.reason IS 'Why it was changed; empty for a default';

CREATE TABLE risk_limits_history (
    LIKE risk_limits INCLUDING CONSTRAINTS INCLUDING COMMENTS,
    valid_to timestamptz NOT NULL CHECK (valid_to < '2200-01-01'),
    PRIMARY KEY (name, symbol, valid_from)
);
COMMENT ON TABLE risk_limits_history IS 'Superseded versions of limits, each in force from valid_from to valid_to.';
COMMENT ON COLUMN risk_limits_history.valid_to IS 'When the next version was written';

CREATE FUNCTION keep_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.name, NEW.symbol) <> (OLD.name, OLD.symbol) THEN
        RAISE EXCEPTION 'limit % is changed, not removed', OLD.name USING ERRCODE = 'check_violation';
    END IF;
    NEW.valid_from := greatest(clock_timestamp(), OLD.valid_from + interval '1 microsecond');
    NEW.changed_by := session_user;
    INSERT INTO risk_limits_history SELECT OLD.*, NEW.valid_from;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_limit IS 'Trigger: a change puts the version before into risk_limits_history; a limit is never removed.';
CREATE TRIGGER risk_limits_versions BEFORE UPDATE OR DELETE ON risk_limits
    FOR EACH ROW EXECUTE FUNCTION keep_limit();

CREATE FUNCTION risk_limits_as_of(instant timestamptz) RETURNS SETOF risk_limits
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT * FROM risk_limits WHERE valid_from <= instant
    UNION ALL
    SELECT name, threshold, unit, description, valid_from, changed_by, symbol, reason
    FROM risk_limits_history WHERE valid_from <= instant AND valid_to > instant
$$;
COMMENT ON FUNCTION risk_limits_as_of IS 'The limits in force at an instant.';

ALTER TABLE kill_switch
    ADD COLUMN cause text NOT NULL DEFAULT 'manual'
        CHECK (cause IN ('manual', 'drawdown', 'loss', 'reconciliation', 'drill')),
    ADD COLUMN session_date date;
COMMENT ON TABLE kill_switch IS 'Latched: while engaged, every wanted change is rejected and no order is written. Changed by latch_kill_switch and rearm_kill_switch.';
COMMENT ON COLUMN kill_switch.cause IS 'What latched it: manual, drawdown, loss, reconciliation, drill';
COMMENT ON COLUMN kill_switch.session_date IS 'Session in which it latched by itself, NULL otherwise';

CREATE TABLE kill_switch_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id),
    action text NOT NULL CHECK (action IN ('latched', 'rearmed')),
    cause text NOT NULL CHECK (cause IN ('manual', 'drawdown', 'loss', 'reconciliation', 'drill')),
    by_itself boolean NOT NULL DEFAULT false,
    reason text NOT NULL,
    session_date date,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text NOT NULL DEFAULT session_user
);
CREATE UNIQUE INDEX kill_switch_events_once ON kill_switch_events (account_id, session_date, action) WHERE by_itself;
COMMENT ON TABLE kill_switch_events IS 'Every latching and arming of a kill switch; append-only.';
COMMENT ON COLUMN kill_switch_events.id IS 'Surrogate key';
COMMENT ON COLUMN kill_switch_events.account_id IS 'accounts.id';
COMMENT ON COLUMN kill_switch_events.action IS 'latched or rearmed';
COMMENT ON COLUMN kill_switch_events.cause IS 'What latched it: manual, drawdown, loss, reconciliation, drill';
COMMENT ON COLUMN kill_switch_events.by_itself IS 'True: found by a pass over a session, in the simulated account also the arming some sessions later';
COMMENT ON COLUMN kill_switch_events.reason IS 'Why';
COMMENT ON COLUMN kill_switch_events.session_date IS 'Session of one that came by itself, NULL otherwise';
COMMENT ON COLUMN kill_switch_events.happened_at IS 'Wall clock of the write';
COMMENT ON COLUMN kill_switch_events.changed_by IS 'Database role that did it';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END
$$;
COMMENT ON FUNCTION refuse_change IS 'Trigger: rows are added and never changed.';
CREATE TRIGGER kill_switch_events_stay BEFORE UPDATE OR DELETE ON kill_switch_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION note_kill_switch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.engaged OR (TG_OP = 'UPDATE' AND OLD.engaged) THEN
        INSERT INTO kill_switch_events (account_id, action, cause, by_itself, reason, session_date) VALUES
            (NEW.account_id, CASE WHEN NEW.engaged THEN 'latched' ELSE 'rearmed' END, NEW.cause,
             NEW.session_date IS NOT NULL, NEW.reason, NEW.session_date);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION note_kill_switch IS 'Trigger: whoever changes the switch, a command or a person in SQL, leaves a row in kill_switch_events.';
CREATE TRIGGER kill_switch_events_written AFTER INSERT OR UPDATE ON kill_switch
    FOR EACH ROW EXECUTE FUNCTION note_kill_switch();

CREATE FUNCTION audit_kill_switch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    key text := CASE WHEN NEW.by_itself THEN format('kill_switch/%s/%s/%s', NEW.account_id, NEW.session_date, NEW.action)
                     ELSE format('kill_switch/%s/%s', NEW.account_id, NEW.id) END;
BEGIN
    INSERT INTO audit_events (event_id, correlation_id, idempotency_key, event_type, session_date, source, payload)
    VALUES (md5(key)::uuid, key, key, 'risk.' || NEW.action, coalesce(NEW.session_date, NEW.happened_at::date), 'kill_switch',
            jsonb_build_object('account', NEW.account_id, 'cause', NEW.cause, 'reason', NEW.reason, 'by_itself', NEW.by_itself))
    ON CONFLICT (idempotency_key) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION audit_kill_switch IS 'Trigger: writes the audit event risk.latched or risk.rearmed for each row.';
CREATE TRIGGER kill_switch_events_audited AFTER INSERT ON kill_switch_events
    FOR EACH ROW EXECUTE FUNCTION audit_kill_switch();

-- Each account has its row from the beginning, so that there is always one to lock.
CREATE FUNCTION equip_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO kill_switch (account_id, engaged, reason) VALUES (NEW.id, false, '') ON CONFLICT DO NOTHING;
    INSERT INTO portfolio_settings (account_id, rearm_sessions)
    VALUES (NEW.id, CASE NEW.broker WHEN 'simulated' THEN 21 END) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION equip_account IS 'Trigger: an account begins with its kill switch, armed, and its settings.';
CREATE TRIGGER accounts_equipped AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION equip_account();
INSERT INTO kill_switch (account_id, engaged, reason) SELECT id, false, '' FROM accounts ON CONFLICT DO NOTHING;
INSERT INTO portfolio_settings (account_id) SELECT id FROM accounts ON CONFLICT DO NOTHING;

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
ALTER TABLE orders
    ADD CHECK (CASE order_type WHEN 'market' THEN state IN ('planned', 'submitted', 'filled', 'cancelled', 'expired')
                               ELSE state IN ('resting', 'filled', 'cancelled') END);

CREATE FUNCTION heed_kill_switch(account text, OUT cause text, OUT reason text)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN engaged THEN k.cause ELSE '' END, CASE WHEN engaged THEN coalesce(nullif(k.reason, ''), 'engaged') ELSE '' END
    FROM kill_switch k WHERE account_id = account FOR SHARE
$$;
COMMENT ON FUNCTION heed_kill_switch IS 'Cause and reason while latched, else empty; until the caller''s transaction ends nobody latches it, so what is ordered in it is seen and cancelled by who waits.';

CREATE FUNCTION latch_kill_switch(account text, why text, what text DEFAULT 'manual') RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    number integer;
BEGIN
    IF coalesce(trim(why), '') = '' THEN
        RAISE EXCEPTION 'a reason is needed' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE kill_switch SET engaged = true, cause = what, reason = why, session_date = NULL, changed_at = clock_timestamp(),
        changed_by = session_user WHERE account_id = account;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no account %', account USING ERRCODE = 'no_data_found';
    END IF;
    UPDATE orders o SET state = 'cancelled', reason = 'kill switch: ' || why, updated_at = clock_timestamp()
    FROM accounts a WHERE a.id = o.account_id AND o.account_id = account AND o.order_type = 'market'
        AND (o.state = 'planned' AND o.reason <> 'dry_run' OR o.state = 'submitted' AND a.broker = 'simulated');
    GET DIAGNOSTICS number = ROW_COUNT;
    RETURN number;
END
$$;
COMMENT ON FUNCTION latch_kill_switch IS 'Latches an account''s switch and cancels the orders that are out and not filled, exits that rest excepted; returns how many. What is out at a real broker is cancelled there by risk_execution.';

CREATE FUNCTION rearm_kill_switch(account text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    unclean text;
BEGIN
    IF coalesce(trim(why), '') = '' THEN
        RAISE EXCEPTION 'a reason is needed' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM kill_switch WHERE account_id = account AND engaged FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the switch of % is not latched', account USING ERRCODE = 'check_violation';
    END IF;
    SELECT string_agg(name, ', ') INTO unclean FROM (
        SELECT 'check_positions_equal_fills' AS name FROM check_positions_equal_fills c WHERE c.account_id = account
        UNION SELECT 'check_cash_equals_ledger' FROM check_cash_equals_ledger c WHERE c.account_id = account
        UNION SELECT 'check_ledger_balanced' FROM check_ledger_balanced c WHERE c.account_id = account
        UNION SELECT 'check_filled_orders' FROM check_filled_orders c JOIN orders o USING (id) WHERE o.account_id = account
    ) found;
    IF unclean IS NOT NULL THEN
        RAISE EXCEPTION 'the books do not reconcile: %', unclean USING ERRCODE = 'check_violation';
    END IF;
    UPDATE kill_switch SET engaged = false, reason = why, session_date = NULL, changed_at = clock_timestamp(),
        changed_by = session_user WHERE account_id = account;
END
$$;
COMMENT ON FUNCTION rearm_kill_switch IS 'Arms an account''s switch again: needs a reason, and books that reconcile.';

CREATE FUNCTION note_own_latches(account text, noted jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n record;
BEGIN
    FOR n IN SELECT * FROM jsonb_to_recordset(noted) AS r (session_date date, action text, cause text, reason text)
             ORDER BY session_date LOOP
        IF n.action = 'rearmed' THEN  -- from what it had latched for
            SELECT e.cause INTO n.cause FROM kill_switch_events e WHERE e.by_itself AND e.account_id = account
                AND e.action = 'latched' AND e.session_date < n.session_date ORDER BY e.session_date DESC LIMIT 1;
        END IF;
        CONTINUE WHEN EXISTS (SELECT FROM kill_switch_events e WHERE e.by_itself AND e.account_id = account
                              AND (e.session_date, e.action) = (n.session_date, n.action));
        UPDATE kill_switch SET engaged = (n.action = 'latched'), cause = n.cause, reason = n.reason,
            session_date = n.session_date, changed_at = clock_timestamp(), changed_by = session_user
        WHERE account_id = account AND (NOT engaged OR cause IN ('drawdown', 'loss'))
            AND engaged = (n.action = 'rearmed');
        IF NOT FOUND THEN  -- a hand holds it: that stays
            INSERT INTO kill_switch_events (account_id, action, cause, by_itself, reason, session_date)
            VALUES (account, n.action, n.cause, true, n.reason, n.session_date);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION note_own_latches IS 'Writes, once, what passes over sessions found: latched by drawdown or loss, armed again by rearm_sessions. A latch by hand stays.';

CREATE TABLE risk_snapshots (
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL CHECK (session_date BETWEEN '1900-01-01' AND '2200-01-01'),
    unit_value double precision NOT NULL CHECK (unit_value >= 0 AND unit_value < 1e9),
    peak double precision NOT NULL CHECK (peak >= 0 AND peak < 1e9),
    equity_usd double precision NOT NULL CHECK (equity_usd > -1e13 AND equity_usd < 1e13),
    session_loss double precision NOT NULL CHECK (session_loss > -1e9 AND session_loss < 1e9),
    drawdown double precision NOT NULL CHECK (drawdown BETWEEN 0 AND 1),
    cause text NOT NULL CHECK (cause IN ('', 'drawdown', 'loss')),
    reason text NOT NULL,
    latched_sessions integer NOT NULL CHECK (latched_sessions BETWEEN 0 AND 1000000),
    last_rearm bigint NOT NULL CHECK (last_rearm >= 0),
    event text NOT NULL CHECK (event IN ('', 'latched', 'rearmed')),
    kill_switch text NOT NULL,
    held_sessions jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date)
);
COMMENT ON TABLE risk_snapshots IS 'What each session''s check found of the account: its fall, its kill switch, how long its holdings have been held.';
COMMENT ON COLUMN risk_snapshots.account_id IS 'accounts.id';
COMMENT ON COLUMN risk_snapshots.session_date IS 'Exchange session';
COMMENT ON COLUMN risk_snapshots.unit_value IS 'Value of a unit of the account, 1 at the beginning; deposits and withdrawals leave it';
COMMENT ON COLUMN risk_snapshots.peak IS 'Highest unit value since the switch was armed last';
COMMENT ON COLUMN risk_snapshots.equity_usd IS 'Equity at the close, USD';
COMMENT ON COLUMN risk_snapshots.session_loss IS 'Fall of the unit value since the close before, fraction; a gain is negative';
COMMENT ON COLUMN risk_snapshots.drawdown IS 'Fall of the unit value below the peak, fraction';
COMMENT ON COLUMN risk_snapshots.cause IS 'drawdown or loss while latched by itself, empty otherwise';
COMMENT ON COLUMN risk_snapshots.reason IS 'Why it latched, or armed itself';
COMMENT ON COLUMN risk_snapshots.latched_sessions IS 'Closes since it latched by itself';
COMMENT ON COLUMN risk_snapshots.last_rearm IS 'kill_switch_events.id of the last arming by hand that was heeded, 0 for none';
COMMENT ON COLUMN risk_snapshots.event IS 'What this close did to the switch: latched, rearmed, nothing';
COMMENT ON COLUMN risk_snapshots.kill_switch IS 'Why nothing was allowed after this close, by itself or by hand; empty when it was';
COMMENT ON COLUMN risk_snapshots.held_sessions IS 'By symbol: the side held, 1 or -1, and at how many closes it has been';
COMMENT ON COLUMN risk_snapshots.created_at IS 'Wall clock of the write';

REVOKE INSERT, UPDATE ON kill_switch FROM quant_writer;
REVOKE ALL ON FUNCTION latch_kill_switch, rearm_kill_switch, note_own_latches, heed_kill_switch, keep_limit, note_kill_switch,
    audit_kill_switch, equip_account, keep_portfolio_settings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION latch_kill_switch, rearm_kill_switch, note_own_latches, heed_kill_switch TO quant_writer;
GRANT SELECT ON risk_limits_history, kill_switch_events, risk_snapshots TO quant_reader, quant_writer;
GRANT INSERT ON risk_snapshots TO quant_writer;
GRANT INSERT (name, symbol, threshold, unit, description, reason) ON risk_limits TO quant_writer;
REVOKE UPDATE ON risk_limits FROM quant_writer;
GRANT UPDATE (threshold, reason) ON risk_limits TO quant_writer;
