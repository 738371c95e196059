-- Restated sessions rest on what is known now. Parameters: stage, models, sessions, cutoffs (same order as sessions).
-- Called by plugins.stages.runs.
UPDATE stage_runs r SET known_at = c.known_at
FROM unnest(%(sessions)s::date[], %(cutoffs)s::timestamptz[]) AS c (session_date, known_at)
WHERE r.stage = %(stage)s AND r.model = ANY(%(models)s) AND r.session_date = c.session_date
  AND r.status = 'completed' AND r.known_at <> c.known_at
