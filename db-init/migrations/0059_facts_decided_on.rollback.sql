-- The same hashes again, slower.
CREATE OR REPLACE FUNCTION facts_decided_on(first date, last date)
RETURNS TABLE (session_date date, bars text, actions text)
LANGUAGE sql STABLE SET search_path = public, pg_temp SET extra_float_digits = 1 AS $$
    WITH completed AS (
        SELECT d.session_date, d.known_at, lag(d.session_date) OVER (ORDER BY d.session_date) AS before,
               -- A symbol that was added later has a past of its own, of which nothing was known then.
               coalesce(f.finished_at, 'infinity') AS recorded
        FROM stage_runs d LEFT JOIN stage_runs f ON f.stage = 'feature_engineering' AND f.model = ''
            AND f.status = 'completed' AND f.session_date = d.session_date
        WHERE d.stage = 'data_ingestion' AND d.model = '' AND d.status = 'completed'
    ), due AS MATERIALIZED (
        SELECT * FROM completed c WHERE c.session_date BETWEEN first AND last
    ), versions AS (
        SELECT m.symbol, m.date, m.open, m.high, m.low, m.close, m.volume, m.known_at, m.recorded_at,
               'infinity'::timestamptz AS superseded_at
        FROM market_data m WHERE m.date BETWEEN first AND last
        UNION ALL
        SELECT h.symbol, h.date, h.open, h.high, h.low, h.close, h.volume, h.known_at, h.recorded_at, h.superseded_at
        FROM market_data_history h WHERE h.date BETWEEN first AND last
    ), hashed AS (
        SELECT d.session_date,
               md5(string_agg(ROW(v.symbol, v.open, v.high, v.low, v.close, v.volume)::text, ',' ORDER BY v.symbol)) AS bars
        FROM due d JOIN versions v ON v.date = d.session_date
        WHERE v.known_at <= d.known_at AND v.superseded_at > d.known_at AND v.recorded_at <= d.recorded
        GROUP BY d.session_date
    ), gone_ex AS (
        SELECT d.session_date,
               md5(string_agg(ROW(a.symbol, a.ex_date, a.action_type, a.value)::text, ','
                              ORDER BY a.symbol, a.ex_date, a.action_type, a.value)) AS actions
        FROM due d JOIN (
            SELECT c.symbol, c.ex_date, c.action_type, c.value, c.known_at, c.recorded_at,
                   'infinity'::timestamptz AS superseded_at FROM corporate_actions c
            UNION ALL
            SELECT h.symbol, h.ex_date, h.action_type, h.value, h.known_at, h.recorded_at, h.superseded_at
            FROM corporate_actions_history h
        ) a ON a.ex_date <= d.session_date AND a.ex_date > coalesce(d.before, '-infinity')
        WHERE a.known_at <= d.known_at AND a.superseded_at > d.known_at AND a.recorded_at <= d.recorded
        GROUP BY d.session_date
    )
    SELECT d.session_date, coalesce(b.bars, 'none'), coalesce(a.actions, 'none')
    FROM due d LEFT JOIN hashed b USING (session_date) LEFT JOIN gone_ex a USING (session_date)
    ORDER BY d.session_date
$$;
