-- What rests on facts that a batch has changed since: sums by table, and single ones newest first. Parameters: batch_id, count.
-- Called by plugins.web.pages.data.
WITH touched AS MATERIALIZED (SELECT * FROM restatement_impact(%(batch_id)s))
(SELECT relation, NULL AS symbol, NULL::date AS session_date, NULL AS reason, sum(rows) AS rows, count(DISTINCT symbol) AS symbols,
        min(session_date) AS first_session, max(session_date) AS last_session
 FROM touched GROUP BY relation)
UNION ALL
(SELECT relation, symbol, session_date, reason, rows, NULL, NULL, NULL FROM touched
 ORDER BY session_date DESC, symbol, relation LIMIT %(count)s)
