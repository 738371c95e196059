-- What the first load of the features, gigabytes in one transaction, must not pay for.

-- The instant a transaction began costs nothing; the wall clock was asked for each row.
ALTER TABLE feature_values ALTER recorded_at SET DEFAULT now();
COMMENT ON COLUMN feature_values.recorded_at IS 'Wall clock of the write: when its transaction began';

-- Into a file that is new in this transaction COPY may write rows frozen: nobody marks them as visible later, which
-- writes every page a second time and, with checksums, to the log besides. With wal_level minimal it needs no log at all.
CREATE FUNCTION renew_empty_feature_values() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM feature_values) THEN
        RETURN false;
    END IF;
    LOCK TABLE feature_values IN ACCESS EXCLUSIVE MODE;
    -- Somebody may have written while the lock was waited for.
    IF EXISTS (SELECT FROM feature_values) THEN
        RETURN false;
    END IF;
    TRUNCATE feature_values;
    RETURN true;
END
$$;
COMMENT ON FUNCTION renew_empty_feature_values IS 'Gives feature_values a new file when it holds no row, and tells whether it did; readers then wait for the load.';
REVOKE ALL ON FUNCTION renew_empty_feature_values FROM PUBLIC;
GRANT EXECUTE ON FUNCTION renew_empty_feature_values TO quant_writer;

-- A planner that takes millions of new rows for one joins them in the slowest way. Not of `values`, whose elements would
-- be counted one by one.
CREATE FUNCTION analyze_feature_values() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    ANALYZE feature_values (symbol, date, feature_set, version);
END
$$;
COMMENT ON FUNCTION analyze_feature_values IS 'Counts feature_values for the planner after a load.';
REVOKE ALL ON FUNCTION analyze_feature_values FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_feature_values TO quant_writer;
