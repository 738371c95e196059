-- Staging table for the bars of a batch that correct others or come late, gone with the transaction.
-- Called by storage.bars.
CREATE TEMP TABLE IF NOT EXISTS staged_bars (
    symbol text, date date, open double precision, high double precision, low double precision,
    close double precision, volume bigint
) ON COMMIT DROP
