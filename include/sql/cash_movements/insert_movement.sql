-- A deposit or withdrawal asked for, once. Parameters: account_id, session_date, kind, amount_usd.
-- Called by runtime.account.
INSERT INTO cash_movements (account_id, session_date, kind, amount_usd)
VALUES (%(account_id)s, %(session_date)s, %(kind)s, %(amount_usd)s)
ON CONFLICT DO NOTHING
