-- One open alert per kind and subject. Parameters: kind, severity, subject, message, value, threshold, session.
-- Called by storage.alerts.
INSERT INTO alerts AS a (kind, severity, subject, message, value, threshold, session_date)
VALUES (%(kind)s, %(severity)s, %(subject)s, %(message)s, %(value)s, %(threshold)s, %(session)s)
ON CONFLICT (kind, subject) WHERE closed_at IS NULL DO UPDATE
SET severity = excluded.severity, message = excluded.message, value = excluded.value, threshold = excluded.threshold,
    session_date = greatest(a.session_date, excluded.session_date), updated_at = clock_timestamp()
WHERE (a.severity, a.message, a.value, a.threshold, a.session_date)
      IS DISTINCT FROM (excluded.severity, excluded.message, excluded.value, excluded.threshold,
                        greatest(a.session_date, excluded.session_date))
