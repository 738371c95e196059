-- Bars up to the decision, newest first, with the batch each came in. Parameters: symbol, session, count.
-- Called by plugins.web.pages.orders.
SELECT b.date, b.open, b.high, b.low, b.close, b.volume, b.source, b.batch_id, b.known_at, b.recorded_at
FROM market_data b WHERE b.symbol = %(symbol)s AND b.date <= %(session)s ORDER BY b.date DESC LIMIT %(count)s
