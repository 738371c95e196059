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

CREATE TABLE backfill_chunks (
    source text NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL CHECK (end_date >= start_date),
    symbols_hash text NOT NULL CHECK (symbols_hash ~ '^[0-9a-f]{64}$'),
    symbols text[] NOT NULL CHECK (cardinality(symbols) > 0),
    state text NOT NULL CHECK (state IN ('planned', 'done')),
    batch_id bigint REFERENCES ingestion_batches (id) DEFERRABLE INITIALLY DEFERRED,
    run_id text NOT NULL,
    received bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND 1000000000000),
    accepted bigint NOT NULL DEFAULT 0 CHECK (accepted BETWEEN 0 AND 1000000000000),
    duplicates bigint NOT NULL DEFAULT 0 CHECK (duplicates BETWEEN 0 AND 1000000000000),
    quarantined bigint NOT NULL DEFAULT 0 CHECK (quarantined BETWEEN 0 AND 1000000000000),
    actions bigint NOT NULL DEFAULT 0 CHECK (actions BETWEEN 0 AND 1000000000000),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, start_date, end_date, symbols_hash),
    CHECK (received = accepted + duplicates + quarantined),
    CHECK ((state = 'done') = (batch_id IS NOT NULL))
);
COMMENT ON TABLE backfill_chunks IS 'How far each backfill is: one row per source, range of dates and group of symbols; one that is done is not fetched again.';
COMMENT ON COLUMN backfill_chunks.source IS 'Source that is asked';
COMMENT ON COLUMN backfill_chunks.start_date IS 'First date asked for';
COMMENT ON COLUMN backfill_chunks.end_date IS 'Last date asked for';
COMMENT ON COLUMN backfill_chunks.symbols_hash IS 'SHA-256 of the symbols, separated by blanks';
COMMENT ON COLUMN backfill_chunks.symbols IS 'Symbols asked for, ascending';
COMMENT ON COLUMN backfill_chunks.state IS 'planned, or done: its bars and actions are stored, in the same transaction';
COMMENT ON COLUMN backfill_chunks.batch_id IS 'ingestion_batches.id of its bars, NULL until done';
COMMENT ON COLUMN backfill_chunks.run_id IS 'Backfill that planned it or, once done, did it';
COMMENT ON COLUMN backfill_chunks.received IS 'Bars in the answer';
COMMENT ON COLUMN backfill_chunks.accepted IS 'Bars new or changed';
COMMENT ON COLUMN backfill_chunks.duplicates IS 'Bars repeated in the answer, or held already with the same values';
COMMENT ON COLUMN backfill_chunks.quarantined IS 'Bars that cannot be true, kept in quarantine';
COMMENT ON COLUMN backfill_chunks.actions IS 'Splits and dividends new or changed';
COMMENT ON COLUMN backfill_chunks.recorded_at IS 'Wall clock of the write';
GRANT SELECT ON backfill_chunks TO quant_reader;
GRANT SELECT, INSERT, UPDATE ON backfill_chunks TO quant_writer;

CREATE VIEW check_backfill_chunks AS
SELECT c.source, c.start_date, c.end_date, c.symbols, c.batch_id
FROM backfill_chunks c LEFT JOIN ingestion_batches b ON b.id = c.batch_id AND b.kind = 'bars'
WHERE c.state = 'done'
  AND (b.received, b.accepted, b.duplicates, b.quarantined) IS DISTINCT FROM (c.received, c.accepted, c.duplicates, c.quarantined);
COMMENT ON VIEW check_backfill_chunks IS 'Chunks of a backfill whose counts are not those of their batch.';
GRANT SELECT ON check_backfill_chunks TO quant_reader, quant_writer;
