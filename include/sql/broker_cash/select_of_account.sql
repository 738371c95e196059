-- Activities that are booked, or are to be in their session. Parameter: account_id.
-- Called by plugins.execution.booking, plugins.execution.real_session.
SELECT activity_id, session_date, kind, symbol, amount_usd FROM broker_cash WHERE account_id = %(account_id)s
