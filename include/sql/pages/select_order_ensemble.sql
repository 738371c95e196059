-- The vote on a symbol at a session's close, one row per member that had one. Parameters: symbol, session.
-- Called by plugins.web.lineage.
SELECT e.score AS ensemble_score, e.confidence AS ensemble_confidence, e.side AS ensemble_side, e.published, e.regime, e.missing,
       m.model, m.weight, m.score, m.confidence, m.contribution
FROM ensemble_signals e
LEFT JOIN LATERAL jsonb_to_recordset(e.members)
    AS m (model text, weight float8, score float8, confidence float8, contribution float8) ON true
WHERE e.symbol = %(symbol)s AND e.session_date = %(session)s
ORDER BY abs(m.contribution) DESC, m.model
