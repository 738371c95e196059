-- One row per session: equity and what a reader must know of the data; of rows put aside those there when its report
-- was written. Parameter: sessions.
-- Called by plugins.stages.reporting.
SELECT r.session_date, a.equity_usd,
       NOT EXISTS (SELECT FROM universe_known_at(i.known_at) u
                   WHERE u.active_to < r.session_date AND u.renamed_to IS NULL) AS survivors_only,
       EXISTS (SELECT FROM corporate_actions c WHERE c.inferred AND c.ex_date <= r.session_date) AS inferred_dividends,
       EXISTS (SELECT FROM ingestion_batches b WHERE b.source = 'synthetic') AS synthetic,
       ARRAY(SELECT jsonb_array_elements_text(i.detail -> 'warnings'))
       || ARRAY(SELECT m.model_name || ' was promoted although the gate refused it, waived by ' || n.waiver
                FROM model_runs n JOIN models m ON m.id = n.model_id
                WHERE n.session_date = r.session_date AND n.waiver IS NOT NULL ORDER BY 1) AS data_warnings,
       (SELECT count(*) FROM quarantine q WHERE q.session_date = r.session_date
        AND q.recorded_at <= coalesce(p.created_at, 'infinity')) AS quarantined,
       (SELECT count(*) FROM restatements t WHERE t.known_at <= r.known_at
        AND t.known_at > (SELECT max(e.known_at) FROM stage_runs e WHERE e.stage = 'risk_execution' AND e.model = ''
                          AND e.status = 'completed' AND e.session_date < r.session_date)) AS restated
FROM stage_runs r
JOIN stage_runs i ON i.stage = 'data_ingestion' AND i.model = '' AND i.session_date = r.session_date
LEFT JOIN performance_reports p ON p.report_date = r.session_date
LEFT JOIN account_snapshots a ON a.session_date = r.session_date
WHERE r.stage = 'risk_execution' AND r.model = '' AND r.status = 'completed' AND r.session_date = ANY(%(sessions)s)
