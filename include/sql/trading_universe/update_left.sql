-- Members that the user's own list no longer names leave with the last session decided, known from now on.
-- Parameters: symbols (those named), decided (last session completed). Called by plugins.stages.universe.
UPDATE trading_universe
SET active_to = greatest(%(decided)s::date, active_from), known_at = now()
WHERE active_to IS NULL AND symbol <> ALL(%(symbols)s::text[])
