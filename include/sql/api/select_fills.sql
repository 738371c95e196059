-- Fills of an account in a session. Parameters: account, session. Called by plugins.rehearsal.
SELECT symbol, side, quantity, price::double precision AS price, commission_usd::double precision AS commission_usd,
       slippage_usd::double precision AS slippage_usd
FROM fills WHERE account_id = %(account)s AND session_date = %(session)s ORDER BY symbol, id
