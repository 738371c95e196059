-- What families of trained models said of sessions, one version a session and family: the one that this run has just
-- asked, else the one that decided the session, else one that is allowed: kept by this run or, without a run, ever in
-- use, the one that learnt last. None says anything of sessions whose future it has learnt from.
-- Parameters: run_id (empty for none), last. Called by plugins.stages.voices.
WITH said AS (
    SELECT p.model_version_id, p.session_date, p.symbol, p.horizon, p.score, false AS is_pending FROM predictions p
    UNION ALL
    SELECT p.model_version_id, p.session_date, p.symbol, p.horizon, p.score, true
    FROM pending_predictions p WHERE p.run_id = %(run_id)s
), ran AS (
    SELECT DISTINCT model_version_id, session_date, true AS decided FROM model_runs WHERE model_version_id IS NOT NULL
), kept AS (
    SELECT model_version_id FROM run_versions WHERE run_id = %(run_id)s
), chosen AS (
    SELECT DISTINCT ON (v.family, s.session_date) v.family, s.session_date, s.model_version_id, s.is_pending
    FROM (SELECT DISTINCT model_version_id, session_date, is_pending FROM said
          WHERE session_date <= %(last)s::date) s
    JOIN model_versions v ON v.id = s.model_version_id AND s.session_date >= v.seen_until
    LEFT JOIN ran USING (model_version_id, session_date)
    WHERE s.is_pending OR ran.decided
        OR CASE WHEN %(run_id)s = '' THEN v.state IN ('promoted', 'retired')
                ELSE v.id IN (SELECT model_version_id FROM kept) END
    ORDER BY v.family, s.session_date, s.is_pending DESC, ran.decided NULLS LAST, v.seen_until DESC, v.id DESC
)
SELECT DISTINCT ON (c.family, s.session_date, s.symbol) c.family, s.session_date AS date, s.symbol, s.score
FROM said s JOIN chosen c USING (session_date, model_version_id, is_pending)
ORDER BY c.family, s.session_date, s.symbol, s.horizon
