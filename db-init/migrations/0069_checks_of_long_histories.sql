-- What the check views cost after a long catch-up: minutes of the processor for millions of signals.

-- Its names are bound here, so that it needs no search_path of its own and becomes part of the statement that asks: it
-- was called, and the path put up and taken down, for each row.
CREATE OR REPLACE FUNCTION check_from() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('almanac.check_from', true), '')::date, DATE '1900-01-01');

-- That symbol and date together are nearly a key: a planner who does not know takes a hash of them for useless, and
-- sorts all signals instead.
CREATE STATISTICS feature_values_symbol_date (ndistinct) ON symbol, date FROM feature_values;
SELECT analyze_feature_values();
