-- A catch-up writes millions of rows of one account. Looking the account up row by row took longer than writing some of
-- the tables: it is looked up once a statement instead. Only the owner can delete an account; one with rows still stays.

ALTER TABLE target_positions DROP CONSTRAINT target_positions_account_id_fkey;
ALTER TABLE fills DROP CONSTRAINT fills_account_id_fkey;
ALTER TABLE positions DROP CONSTRAINT positions_account_id_fkey;
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_account_id_fkey;

CREATE FUNCTION refuse_unknown_accounts() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    unknown text;
BEGIN
    SELECT w.account_id INTO unknown FROM (SELECT DISTINCT account_id FROM written) w
    WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = w.account_id) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a row of % names account %, which does not exist', TG_TABLE_NAME, unknown
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION refuse_unknown_accounts() IS 'Refuses rows of an account that does not exist, once a statement';

CREATE FUNCTION keep_traded_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM target_positions WHERE account_id = OLD.id) OR EXISTS (SELECT FROM fills WHERE account_id = OLD.id)
        OR EXISTS (SELECT FROM positions WHERE account_id = OLD.id)
        OR EXISTS (SELECT FROM ledger_entries WHERE account_id = OLD.id) THEN
        RAISE EXCEPTION 'account % has rows', OLD.id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION keep_traded_account() IS 'Refuses to delete, or to rename, an account that has rows';
CREATE TRIGGER accounts_deleted BEFORE DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION keep_traded_account();
CREATE TRIGGER accounts_renamed BEFORE UPDATE ON accounts FOR EACH ROW WHEN (NEW.id <> OLD.id)
    EXECUTE FUNCTION keep_traded_account();

DO $$
DECLARE
    name text;
    verb text;
BEGIN
    FOREACH name IN ARRAY ARRAY['target_positions', 'fills', 'positions', 'ledger_entries'] LOOP
        FOREACH verb IN ARRAY ARRAY['INSERT', 'UPDATE'] LOOP
            EXECUTE format('CREATE TRIGGER %I AFTER %s ON %I REFERENCING NEW TABLE AS written '
                           'FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_accounts()',
                           name || '_account_' || lower(verb), verb, name);
        END LOOP;
    END LOOP;
END
$$;

-- After a catch-up Postgres has counted nothing yet: the checks of the books would take all of history for one session,
-- and read it again for each.
CREATE FUNCTION analyze_account_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    ANALYZE ensemble_signals (session_date, symbol), target_positions (account_id, session_date, symbol),
        risk_decisions (id, account_id, session_date, symbol, decision), fills, positions (account_id, session_date, symbol, quantity),
        orders (id, client_order_id, account_id, session_date, symbol, order_type, state, risk_decision_id),
        ledger_entries (account_id, session_date, transaction_key, ledger_account, kind), account_snapshots, risk_snapshots,
        backtest_parity, audit_events (idempotency_key, session_date, event_type), stage_runs (stage, model, session_date, status);
END
$$;
COMMENT ON FUNCTION analyze_account_tables() IS 'Counts what risk_execution has written for the planner after a catch-up';
REVOKE ALL ON FUNCTION analyze_account_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_account_tables() TO quant_writer;
