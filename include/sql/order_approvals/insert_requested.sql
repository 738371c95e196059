-- Asks for an approval of one batch, once a run. Parameters: account_id, session, run_id, batch_hash, orders, notional,
-- minutes. Called by plugins.execution.approval.
INSERT INTO order_approvals (account_id, session_date, run_id, batch_hash, orders, max_notional_usd, expires_at)
VALUES (%(account_id)s, %(session)s, %(run_id)s, %(batch_hash)s, %(orders)s, %(notional)s,
        clock_timestamp() + make_interval(mins => %(minutes)s))
ON CONFLICT (account_id, session_date, run_id, batch_hash) DO NOTHING
