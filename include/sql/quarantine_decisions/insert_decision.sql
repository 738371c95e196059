-- One decision; the same one again changes nothing. Parameters: id, decision, reason, batch_id.
-- Called by quality.decisions.
INSERT INTO quarantine_decisions (quarantine_id, decision, reason, batch_id)
VALUES (%(id)s, %(decision)s, %(reason)s, %(batch_id)s)
ON CONFLICT (quarantine_id, decision) DO NOTHING
