-- One chunk, in the transaction that stores it. Parameters: source, start, end, symbols_hash, run_id, batch_id, received,
-- accepted, duplicates, quarantined, actions. Called by plugins.stages.backfill.
UPDATE backfill_chunks
SET state = 'done', run_id = %(run_id)s, batch_id = %(batch_id)s, received = %(received)s, accepted = %(accepted)s,
    duplicates = %(duplicates)s, quarantined = %(quarantined)s, actions = %(actions)s, recorded_at = now()
WHERE source = %(source)s AND start_date = %(start)s AND end_date = %(end)s AND symbols_hash = %(symbols_hash)s
  AND state = 'planned'
