-- Alerts of a kind that are over. Parameters: kind, subjects (those that are not). Called by storage.alerts.
UPDATE alerts SET closed_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE kind = %(kind)s AND subject <> ALL(%(subjects)s::text[]) AND closed_at IS NULL
