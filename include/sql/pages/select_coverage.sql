-- One row per session: bars held; reads the whole index, so its caller keeps the answer until the next batch.
-- Called by plugins.web.pages.data.
SELECT date, count(*) AS bars FROM market_data GROUP BY date ORDER BY date
