-- Empties the staging table for the next batch of the same transaction. Called by storage.bars.
DELETE FROM staged_bars
