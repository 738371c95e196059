-- What an account held when it was taken over, once. Parameters: account_id, session, cash, positions (JSON).
-- Called by plugins.execution.opening.
INSERT INTO account_adoptions (account_id, session_date, cash_usd, positions)
VALUES (%(account_id)s, %(session)s, %(cash)s, %(positions)s::jsonb)
