-- Every version with the last decision about it, newest first within its family.
-- Called by plugins.ml.manage, plugins.web.pages.models.
SELECT v.*, d.decision, d.reason, d.decided_at, d.decided_by
FROM model_versions v
LEFT JOIN LATERAL (
    SELECT decision, reason, decided_at, decided_by FROM promotion_decisions
    WHERE model_version_id = v.id ORDER BY id DESC LIMIT 1
) d ON true
ORDER BY v.family, v.version DESC
