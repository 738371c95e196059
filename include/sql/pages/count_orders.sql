-- One row: how many orders there are. Parameters: symbol, state (NULL for all). Called by plugins.web.pages.orders.
SELECT count(*) AS orders FROM orders
WHERE (%(symbol)s::text IS NULL OR symbol = %(symbol)s) AND (%(state)s::text IS NULL OR state = %(state)s)
