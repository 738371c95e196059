-- A limit's new threshold, or a symbol's own one, which takes unit and description from the limit's row; no row when there
-- is no such limit. Parameters: name, symbol (empty for all), threshold, reason. Called by storage.limits.
INSERT INTO risk_limits (name, symbol, threshold, unit, description, reason)
SELECT name, %(symbol)s, %(threshold)s, unit, description, %(reason)s FROM risk_limits WHERE name = %(name)s AND symbol = ''
ON CONFLICT (name, symbol) DO UPDATE SET threshold = excluded.threshold, reason = excluded.reason
