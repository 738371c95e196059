-- What sessions were decided by where their record and their audit event say different things. Parameter: sessions.
-- Called by plugins.replay.causes.
SELECT r.session_date, r.detail -> 'rules' AS rules, a.payload -> 'rules' AS audited
FROM stage_runs r JOIN audit_events a ON a.idempotency_key = 'risk_execution/' || r.session_date
WHERE r.stage = 'risk_execution' AND r.model = '' AND r.session_date = ANY(%(sessions)s)
    AND r.detail -> 'rules' <> a.payload -> 'rules'
ORDER BY r.session_date
