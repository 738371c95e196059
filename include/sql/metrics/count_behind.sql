-- One row per stage after the first: how many sessions the stage before it has completed after its own last one.
-- Parameter: stages, in the chain's order. Called by plugins.web.api.metrics.
SELECT s.stage, count(r.session_date) AS sessions
FROM (SELECT stage, lag(stage) OVER (ORDER BY position) AS before
      FROM unnest(%(stages)s::text[]) WITH ORDINALITY AS u (stage, position)) s
CROSS JOIN LATERAL (SELECT coalesce(max(session_date), '-infinity') AS last FROM stage_runs o
                    WHERE o.stage = s.stage AND o.model = '' AND o.status = 'completed') own
LEFT JOIN stage_runs r ON r.stage = s.before AND r.model = '' AND r.status = 'completed' AND r.session_date > own.last
WHERE s.before IS NOT NULL GROUP BY s.stage
