-- One row per stage: seconds from the begin of the run that completed its last session to that session's completion.
-- Parameter: stages. Called by plugins.web.api.metrics.
SELECT s.stage, extract(epoch FROM greatest(done.finished_at - done.began_at, interval '0'))::float AS seconds
FROM unnest(%(stages)s::text[]) AS s (stage) CROSS JOIN LATERAL (
    SELECT began_at, finished_at FROM stage_runs r
    WHERE r.stage = s.stage AND r.model = '' AND r.status = 'completed' ORDER BY session_date DESC LIMIT 1
) done WHERE done.began_at IS NOT NULL ORDER BY s.stage
