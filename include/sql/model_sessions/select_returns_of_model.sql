-- What one model and its benchmark returned in each session up to one. Parameters: model_id, last.
-- Called by plugins.stages.measuring.
SELECT net_return, benchmark_return FROM model_sessions
WHERE model_id = %(model_id)s::bigint AND session_date <= %(last)s::date ORDER BY session_date
