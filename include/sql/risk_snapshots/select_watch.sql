-- What was known of an account's fall at a close; of an account older than these records only its equity.
-- Parameters: account_id, session. Called by plugins.stages.decision_rows.
SELECT coalesce(r.unit_value, 1) AS unit_value, coalesce(r.peak, 1) AS peak,
       coalesce(r.equity_usd, s.equity_usd::double precision) AS equity_usd, coalesce(r.session_loss, 0) AS session_loss,
       coalesce(r.drawdown, 0) AS drawdown, coalesce(r.cause, '') AS cause, coalesce(r.reason, '') AS reason,
       coalesce(r.latched_sessions, 0) AS latched_sessions, coalesce(r.last_rearm, 0) AS last_rearm,
       coalesce(r.event, '') AS event, coalesce(r.held_sessions, '{}') AS held_sessions
FROM account_snapshots s LEFT JOIN risk_snapshots r USING (account_id, session_date)
WHERE s.account_id = %(account_id)s AND s.session_date = %(session)s
