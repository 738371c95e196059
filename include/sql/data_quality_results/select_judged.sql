-- Whether a run's data has been judged since the newest batch. Parameters: run_id, last_batch_id, start, end.
-- Called by plugins.stages.gate.
SELECT EXISTS (
    SELECT FROM data_quality_results
    WHERE run_id = %(run_id)s AND last_batch_id = %(last_batch_id)s
      AND first_session = %(start)s AND session_date = %(end)s) AS judged
