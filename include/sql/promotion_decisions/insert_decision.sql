-- One decision about a version. Parameters: version, decision, replaced, waiver_name, waiver_reason, reason, by.
-- Called by storage.registry.
INSERT INTO promotion_decisions (model_version_id, decision, replaced_version_id, waiver_name, waiver_reason, reason,
                                 decided_by)
VALUES (%(version)s, %(decision)s, %(replaced)s, %(waiver_name)s, %(waiver_reason)s, %(reason)s, %(by)s)
RETURNING id
