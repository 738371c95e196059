-- Where the measurement of a model stands. Parameters: model_id, session, keep_from, rules, book.
-- Called by plugins.stages.measuring.
INSERT INTO performance_states (model_id, session_date, keep_from, rules, book)
VALUES (%(model_id)s, %(session)s, %(keep_from)s, %(rules)s, %(book)s)
ON CONFLICT (model_id) DO UPDATE
SET session_date = excluded.session_date, keep_from = excluded.keep_from, rules = excluded.rules, book = excluded.book,
    updated_at = clock_timestamp()
