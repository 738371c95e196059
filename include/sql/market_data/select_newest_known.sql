-- One row per date: bars held, and when the newest fact about the date came to be known.
-- Called by plugins.stages.ingestion.
SELECT date, max(known_at) AS known_at, sum(bars)::integer AS bars
FROM (
    SELECT date, max(known_at) AS known_at, count(*) AS bars FROM market_data GROUP BY date
    UNION ALL
    SELECT ex_date, max(known_at), 0 FROM corporate_actions GROUP BY ex_date
) f
GROUP BY date
