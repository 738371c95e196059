-- Accounts whose kill switch is latched. Called by plugins.stages.performance_alerts.
SELECT 'kill_switch' AS kind, account_id AS subject, NULL::double precision AS value, reason AS why
FROM kill_switch WHERE engaged ORDER BY account_id
