-- Other cutoffs for sessions in a replay's own copy of the table. Parameters: stages, sessions, cutoffs (same order).
-- Called by storage.scratch.
UPDATE stage_runs r SET known_at = s.cutoff
FROM unnest(%(sessions)s::date[], %(cutoffs)s::timestamptz[]) AS s (session_date, cutoff)
WHERE r.session_date = s.session_date AND r.stage = ANY(%(stages)s)
