-- Staging table for one batch of bars, gone with the transaction. Called by storage.bars.
CREATE TEMP TABLE staged_bars (
    symbol text, date date, open double precision, high double precision, low double precision,
    close double precision, volume bigint, known_at timestamptz, backfilled boolean
) ON COMMIT DROP
