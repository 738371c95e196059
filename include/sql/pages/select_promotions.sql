-- Decisions about a version, newest first. Parameters: id, count. Called by plugins.web.pages.models.
SELECT id, decision, reason, waiver_name, waiver_reason, decided_by, decided_at FROM promotion_decisions
WHERE model_version_id = %(id)s ORDER BY id DESC LIMIT %(count)s
