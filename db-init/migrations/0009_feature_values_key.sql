-- Writing a history spends a third of its time on this index, and Postgres 18 skips through the key without it: a
-- session's rows are found by one probe per symbol.
DROP INDEX IF EXISTS feature_values_date;
