ALTER TABLE alert_notifications
    DROP CONSTRAINT alert_notifications_alert_id_fkey,
    ADD CONSTRAINT alert_notifications_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alerts (id);
