-- One model's signals up to a session. Parameters: model_id, last. Called by plugins.stages.performance.
SELECT symbol, session_date, side, position_size FROM signals
WHERE model_id = %(model_id)s::bigint AND session_date <= %(last)s::date
ORDER BY session_date, symbol
