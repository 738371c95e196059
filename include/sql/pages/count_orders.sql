-- One row: how many orders an account has. Parameters: account; symbol, state (NULL for all).
-- Called by plugins.web.pages.orders.
SELECT count(*) AS orders FROM orders
WHERE account_id = %(account)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
