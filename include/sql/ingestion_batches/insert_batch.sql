-- One batch, after its rows, counted from what became of them. Parameters: batch_id, kind, source, run_id, start, end,
-- symbols, received, accepted, duplicates, quarantined. Called by storage.bars.
INSERT INTO ingestion_batches (id, kind, source, run_id, start_date, end_date, symbols, received, accepted, duplicates,
                               quarantined, recorded_at)
OVERRIDING SYSTEM VALUE
VALUES (%(batch_id)s, %(kind)s, %(source)s, %(run_id)s, %(start)s, %(end)s, %(symbols)s, %(received)s, %(accepted)s,
        %(duplicates)s, %(quarantined)s, now())
