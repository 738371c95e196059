-- The run judged last, and its sessions. Called by runtime.data_docs.
SELECT run_id, first_session, session_date, is_synthetic FROM data_quality_results ORDER BY last_batch_id DESC, id DESC LIMIT 1
