-- Movements whose session has not begun. Parameters: account_id, begun (NULL: none has). Called by runtime.account.
SELECT session_date, kind, amount_usd FROM cash_movements
WHERE account_id = %(account_id)s AND (%(begun)s::date IS NULL OR session_date > %(begun)s::date)
