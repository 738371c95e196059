-- The id of the batch about to be written: its rows carry it before the batch can be counted. Called by storage.bars.
SELECT nextval(pg_get_serial_sequence('ingestion_batches', 'id')) AS batch_id
