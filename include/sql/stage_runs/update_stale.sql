-- Completed sessions of these stages from a session on rest on data that changed. Parameters: since, reason, stages.
-- Called by plugins.stages.runs, quality.decisions.
UPDATE stage_runs SET stale_reason = %(reason)s
WHERE session_date >= %(since)s AND stage = ANY(%(stages)s) AND status = 'completed'
