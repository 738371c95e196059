-- That somebody was told of an alert is kept as long as the alert: retention could remove no alert that was told of.
ALTER TABLE alert_notifications
    DROP CONSTRAINT alert_notifications_alert_id_fkey,
    ADD CONSTRAINT alert_notifications_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alerts (id) ON DELETE CASCADE;
