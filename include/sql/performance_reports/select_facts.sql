-- One row per session: equity and what a reader must know of the data. Parameter: sessions.
-- Called by plugins.stages.performance.
SELECT r.session_date, a.equity_usd,
       NOT EXISTS (SELECT FROM universe_known_at(i.known_at) u
                   WHERE u.active_to < r.session_date AND u.renamed_to IS NULL) AS survivors_only,
       EXISTS (SELECT FROM corporate_actions c WHERE c.inferred AND c.ex_date <= r.session_date) AS inferred_dividends,
       EXISTS (SELECT FROM ingestion_batches b WHERE b.source = 'synthetic') AS synthetic,
       ARRAY(SELECT jsonb_array_elements_text(i.detail -> 'warnings'))
       || ARRAY(SELECT m.model_name || ' was promoted although the gate refused it, waived by ' || n.waiver
                FROM model_runs n JOIN models m ON m.id = n.model_id
                WHERE n.session_date = r.session_date AND n.waiver IS NOT NULL ORDER BY 1) AS data_warnings
FROM stage_runs r
JOIN stage_runs i ON i.stage = 'data_ingestion' AND i.model = '' AND i.session_date = r.session_date
LEFT JOIN account_snapshots a ON a.session_date = r.session_date
WHERE r.stage = 'risk_execution' AND r.model = '' AND r.status = 'completed' AND r.session_date = ANY(%(sessions)s)
