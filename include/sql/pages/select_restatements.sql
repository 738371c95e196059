-- Batches that changed facts after they were used, newest first: what and of whom. Parameter: count.
-- Called by plugins.web.pages.data.
SELECT batch_id, max(known_at) AS known_at, fact, count(*) AS facts, count(DISTINCT symbol) AS symbols,
       CASE WHEN count(DISTINCT symbol) <= 5 THEN string_agg(DISTINCT symbol, ', ') END AS names,
       min(date) AS first_date, max(date) AS last_date
FROM restatements GROUP BY batch_id, fact ORDER BY batch_id DESC, fact LIMIT %(count)s
