-- The checks of a session read what the session touched, the checks of a long history use more than one process.
ALTER FUNCTION check_from PARALLEL SAFE;

-- Whether a share was paid out used to be looked for among all entries of its session, once for each holding.
CREATE INDEX ledger_entries_delisting ON ledger_entries (account_id, session_date, symbol) WHERE kind = 'delisting';

CREATE OR REPLACE VIEW check_predictions_look_ahead AS
SELECT p.id, p.model_version_id, p.symbol, p.session_date, v.seen_until
FROM predictions p JOIN model_versions v ON v.id = p.model_version_id
WHERE p.session_date >= check_from() AND p.session_date < v.seen_until;
COMMENT ON VIEW check_predictions_look_ahead IS 'Predictions of sessions whose future their version has learnt from. Remedy: find out which version was served for that session, and restate model_execution for it.';
COMMENT ON VIEW check_backfill_chunks IS 'Chunks of a backfill whose counts are not those of their batch. Remedy: compare the chunk with ingestion_batches, and backfill its dates again.';
