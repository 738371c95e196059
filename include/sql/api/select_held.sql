-- The sessions that are held, and which of the symbols have no bar. Parameter: symbols (array).
-- Called by plugins.web.api.backtests.
SELECT min(session_date) AS first_session, max(session_date) AS last_session,
       ARRAY(SELECT s FROM unnest(%(symbols)s::text[]) s
             WHERE NOT EXISTS (SELECT FROM market_data m WHERE m.symbol = s) ORDER BY s) AS unknown
FROM stage_runs WHERE stage = 'data_ingestion' AND model = '' AND status = 'completed'
