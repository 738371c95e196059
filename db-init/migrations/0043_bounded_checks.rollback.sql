-- Takes 0043 back: the checks read as before.
COMMENT ON VIEW check_backfill_chunks IS 'Chunks of a backfill whose counts are not those of their batch.';
CREATE OR REPLACE VIEW check_predictions_look_ahead AS
SELECT p.id, p.model_version_id, p.symbol, p.session_date, v.seen_until
FROM predictions p JOIN model_versions v ON v.id = p.model_version_id
WHERE p.session_date < v.seen_until;
COMMENT ON VIEW check_predictions_look_ahead IS 'Predictions of sessions whose future their version has learnt from.';
DROP INDEX ledger_entries_delisting;
ALTER FUNCTION check_from PARALLEL UNSAFE;
