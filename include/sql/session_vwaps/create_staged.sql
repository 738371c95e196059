-- Staging table for the averages of a batch, gone with the transaction. Called by storage.vwaps.
CREATE TEMP TABLE IF NOT EXISTS staged_vwaps (symbol text, date date, vwap double precision) ON COMMIT DROP
