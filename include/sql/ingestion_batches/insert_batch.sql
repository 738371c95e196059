-- One batch. Returns its id. Parameters: kind, source, run_id, start, end, symbols, received, accepted, duplicates,
-- quarantined. Called by storage.bars.
INSERT INTO ingestion_batches (kind, source, run_id, start_date, end_date, symbols, received, accepted, duplicates,
                               quarantined)
VALUES (%(kind)s, %(source)s, %(run_id)s, %(start)s, %(end)s, %(symbols)s, %(received)s, %(accepted)s,
        %(duplicates)s, %(quarantined)s)
RETURNING id
