-- What shares were called, from which day until before which, and what they are called now.
-- Called by plugins.execution.real_session.
SELECT ticker, greatest(begins, DATE '1900-01-01') AS begins, ends, symbol
FROM renames_as_of(DATE '2199-12-31', 'infinity') WHERE symbol IS NOT NULL
