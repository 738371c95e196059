-- A version's new state; a promotion states its waiver or takes an old one off. Parameters: id, state, waiver_name,
-- waiver_reason. Called by storage.registry.
UPDATE model_versions
SET state = %(state)s, updated_at = clock_timestamp(),
    waiver_name = CASE WHEN %(state)s = 'promoted' THEN %(waiver_name)s ELSE waiver_name END,
    waiver_reason = CASE WHEN %(state)s = 'promoted' THEN %(waiver_reason)s ELSE waiver_reason END
WHERE id = %(id)s
