-- The newest batch of all, and the rows received in the newest fetch of bars by a run. Parameter: run_id.
-- Called by quality.facts.
SELECT (SELECT coalesce(max(id), 0) FROM ingestion_batches) AS newest,
       (SELECT coalesce(sum(received), 0)::bigint FROM ingestion_batches
        WHERE run_id = %(run_id)s AND kind = 'bars'
          AND recorded_at = (SELECT max(recorded_at) FROM ingestion_batches
                            WHERE run_id = %(run_id)s AND kind = 'bars')) AS received
