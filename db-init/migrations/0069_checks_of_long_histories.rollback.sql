DROP STATISTICS feature_values_symbol_date;

CREATE OR REPLACE FUNCTION check_from() RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
    SELECT coalesce(nullif(current_setting('almanac.check_from', true), '')::date, DATE '1900-01-01')
$$;
