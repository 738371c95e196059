-- Where the measurement of a model stands. Parameter: model_id. Called by plugins.stages.measuring.
SELECT session_date, keep_from, rules, book FROM performance_states WHERE model_id = %(model_id)s
