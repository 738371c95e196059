-- One row per session: bars held and members of the universe. Called by plugins.web.pages.data.
SELECT date, count(*) AS bars FROM market_data GROUP BY date ORDER BY date
