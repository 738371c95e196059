-- What a bulk load must not pay for, and what it needs to be counted and continued.

-- The load of a history spends a third of its time on this index, and Postgres 18 skips through the key without it: a
-- session's bars are found by one probe per symbol.
DROP INDEX market_data_date;
-- Bars that came to be known days after their session: corrections, and what came late. A cutoff looks for them alone.
CREATE INDEX market_data_late ON market_data (date, known_at) WHERE known_at >= (date + 4)::timestamp AT TIME ZONE 'UTC';

-- The instant a transaction began costs nothing; the wall clock asked for each row costs a quarter of the load.
ALTER TABLE market_data ALTER recorded_at SET DEFAULT now();
COMMENT ON COLUMN market_data.recorded_at IS 'Wall clock of the write: when its transaction began';
COMMENT ON COLUMN market_data_history.recorded_at IS 'Wall clock of the write: when its transaction began';
ALTER TABLE ingestion_batches ALTER recorded_at SET DEFAULT now();
COMMENT ON COLUMN ingestion_batches.recorded_at IS 'Wall clock of the write: when its transaction began, so that batches fetched together share it';

-- A batch is written after its rows, so that it can state what became of them.
ALTER TABLE quarantine ALTER CONSTRAINT quarantine_batch_id_fkey DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE quarantine ALTER CONSTRAINT quarantine_last_batch_id_fkey DEFERRABLE INITIALLY DEFERRED;
GRANT USAGE ON SEQUENCE ingestion_batches_id_seq TO quant_writer;
