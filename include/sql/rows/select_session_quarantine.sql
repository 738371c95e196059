-- Rows of a session that were put aside, and what was decided about each. Parameters: session, count.
-- Called by plugins.web.pages.behind.
SELECT q.id, q.batch_id, q.symbol, q.session_date, q.reason, q.raw, q.recorded_at, d.decision, d.reason AS decided_because,
       d.decided_by, d.recorded_at AS decided_at
FROM quarantine q
LEFT JOIN LATERAL (SELECT * FROM quarantine_decisions n WHERE n.quarantine_id = q.id ORDER BY n.id DESC LIMIT 1) d ON true
WHERE q.session_date = %(session)s ORDER BY q.id DESC LIMIT %(count)s
