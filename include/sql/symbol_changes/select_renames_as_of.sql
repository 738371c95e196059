-- What each earlier ticker is called at a session, as known at a cutoff; symbol is NULL for a share that is not ours.
-- Parameters: session, cutoff. Called by plugins.stages.knowledge.
SELECT ticker, greatest(begins, '1900-01-01') AS begins, ends, symbol
FROM renames_as_of(%(session)s::date, %(cutoff)s::timestamptz)
