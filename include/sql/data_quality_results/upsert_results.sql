-- How a run's data met the expectations; a later judgement of the same run replaces the earlier one.
-- Parameters: rows (JSON array), run_id, last_batch_id, start, end. Called by plugins.stages.gate.
INSERT INTO data_quality_results (run_id, last_batch_id, batch, first_session, session_date, expectation, subject,
                                  success, observed, threshold)
SELECT %(run_id)s, %(last_batch_id)s, batch, %(start)s, %(end)s, expectation, subject, success, observed, threshold
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    batch text, expectation text, subject text, success boolean, observed jsonb, threshold jsonb)
ORDER BY batch, expectation, subject
ON CONFLICT (run_id, batch, expectation, subject) DO UPDATE
SET last_batch_id = excluded.last_batch_id, first_session = excluded.first_session,
    session_date = excluded.session_date, success = excluded.success, observed = excluded.observed,
    threshold = excluded.threshold, recorded_at = clock_timestamp()
