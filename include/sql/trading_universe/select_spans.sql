-- Who belongs to the universe from which session to which. Called by runtime.data_docs.
SELECT symbol, active_from, active_to FROM trading_universe ORDER BY symbol, active_from
