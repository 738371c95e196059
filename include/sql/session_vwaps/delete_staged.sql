-- Empties the staging table for the next batch of the same transaction. Called by storage.vwaps.
DELETE FROM staged_vwaps
