-- One row per date: bars held, and when the newest fact about the date came to be known. Of dates more than a week
-- before the first one asked for only those whose facts came late: all others were known before it.
-- Parameter: first. Called by plugins.stages.ingestion.
SELECT date, max(known_at) AS known_at, sum(bars)::integer AS bars
FROM (
    SELECT date, max(known_at) AS known_at, count(*) AS bars FROM market_data
    WHERE date >= %(first)s::date - 7 GROUP BY date
    UNION ALL
    SELECT date, max(known_at), 0 FROM market_data
    WHERE date < %(first)s::date - 7 AND known_at >= (date + 4)::timestamp AT TIME ZONE 'UTC' GROUP BY date
    UNION ALL
    SELECT ex_date, max(known_at), 0 FROM corporate_actions GROUP BY ex_date
) f
GROUP BY date
