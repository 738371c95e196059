-- Who is told of alerts is told once of each one's opening, and once of its end.
CREATE TABLE alert_notifications (
    alert_id bigint NOT NULL REFERENCES alerts (id),
    event text NOT NULL CHECK (event IN ('opened', 'closed')),
    told_at timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (told_at > '1900-01-01' AND told_at < '2200-01-01'),
    PRIMARY KEY (alert_id, event)
);
COMMENT ON TABLE alert_notifications IS 'Openings and ends of alerts that somebody has been told of.';
COMMENT ON COLUMN alert_notifications.alert_id IS 'alerts.id';
COMMENT ON COLUMN alert_notifications.event IS 'opened or closed';
COMMENT ON COLUMN alert_notifications.told_at IS 'Wall clock of the write, with which the message was sent';
GRANT INSERT ON alert_notifications TO quant_writer;
