-- An alert that is over. Parameters: kind, subject. Called by storage.alerts.
UPDATE alerts SET closed_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE kind = %(kind)s AND subject = %(subject)s AND closed_at IS NULL
