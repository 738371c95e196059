-- One row per session: how many symbols should have a bar, how many of them have one, and which have none.
-- Parameters: sessions, rows (JSON: symbol, active_from, active_to). Called by quality.facts.
WITH spans AS MATERIALIZED (
    SELECT symbol, active_from, coalesce(active_to, 'infinity') AS active_to
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (symbol text, active_from date, active_to date)
), due AS MATERIALIZED (
    SELECT d.date, count(s.symbol) AS expected
    FROM unnest(%(sessions)s::date[]) AS d (date)
    LEFT JOIN spans s ON d.date BETWEEN s.active_from AND s.active_to
    GROUP BY d.date
), held AS MATERIALIZED (
    SELECT m.date, count(*) AS bars
    FROM market_data m JOIN spans s USING (symbol)
    WHERE m.date BETWEEN (SELECT min(date) FROM due) AND (SELECT max(date) FROM due)
      AND m.date BETWEEN s.active_from AND s.active_to
    GROUP BY m.date
)
SELECT d.date AS session, d.expected, coalesce(h.bars, 0) AS held,
       CASE WHEN coalesce(h.bars, 0) = d.expected THEN '{}' ELSE ARRAY(
           SELECT s.symbol FROM spans s
           WHERE d.date BETWEEN s.active_from AND s.active_to
             AND NOT EXISTS (SELECT FROM market_data m WHERE (m.symbol, m.date) = (s.symbol, d.date))
           ORDER BY s.symbol) END AS missing
FROM due d LEFT JOIN held h USING (date)
ORDER BY d.date
