-- Claims every opening and every end of an alert that nobody has been told of, and returns them, oldest first; an end
-- only where the opening was told. Called by plugins.notify.telling.
WITH due AS (
    SELECT a.id, 'opened' AS event FROM alerts a WHERE a.closed_at IS NULL
    UNION ALL
    SELECT a.id, 'closed' FROM alerts a JOIN alert_notifications n ON n.alert_id = a.id AND n.event = 'opened'
    WHERE a.closed_at IS NOT NULL
), told AS (
    INSERT INTO alert_notifications (alert_id, event)
    SELECT d.id, d.event FROM due d
    WHERE NOT EXISTS (SELECT FROM alert_notifications n WHERE n.alert_id = d.id AND n.event = d.event) ORDER BY 1, 2
    ON CONFLICT DO NOTHING RETURNING alert_id, event
)
SELECT t.event, a.kind, a.severity, a.subject, a.message, a.opened_at, a.closed_at
FROM told t JOIN alerts a ON a.id = t.alert_id ORDER BY coalesce(a.closed_at, a.opened_at), a.id
