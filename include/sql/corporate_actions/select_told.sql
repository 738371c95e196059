-- Actions that went ex up to the session before one and of which something else was believed at the cutoffs up to then
-- than at its own: their values before and at it, NULL for none. Of sessions that are not completed yet, while later ones
-- are read ahead, the knowledge is model_execution's. Nothing for a session that is decided again from other knowledge
-- than its own. Parameters: session, eve (the session before), cutoff. Called by plugins.stages.told_late.
WITH done AS (
    SELECT max(session_date) AS session_date FROM stage_runs
    WHERE stage = 'risk_execution' AND model = '' AND status = 'completed' AND session_date < %(session)s::date
), until AS (
    SELECT max(r.known_at) AS known_at FROM stage_runs r, done
    WHERE r.model = '' AND r.status = 'completed' AND r.session_date < %(session)s::date
      AND (r.stage = 'risk_execution'
           OR (r.stage = 'model_execution' AND r.session_date > coalesce(done.session_date, '-infinity')))
), versions AS (
    SELECT symbol, ex_date, action_type, value, known_at, 'infinity'::timestamptz AS superseded_at FROM corporate_actions
    UNION ALL
    SELECT symbol, ex_date, action_type, value, known_at, superseded_at FROM corporate_actions_history
), told AS (
    SELECT v.symbol, v.ex_date, v.action_type,
           max(v.value) FILTER (WHERE v.known_at <= u.known_at AND v.superseded_at > u.known_at)::double precision AS before,
           max(v.value) FILTER (WHERE v.known_at <= %(cutoff)s AND v.superseded_at > %(cutoff)s)::double precision AS believed
    FROM versions v, until u
    WHERE v.ex_date <= %(eve)s::date AND v.known_at <= %(cutoff)s
      AND (v.known_at > u.known_at OR (v.superseded_at > u.known_at AND v.superseded_at <= %(cutoff)s))
    GROUP BY v.symbol, v.ex_date, v.action_type
)
SELECT symbol, ex_date, action_type, before, believed FROM told
WHERE before IS DISTINCT FROM believed
  AND NOT EXISTS (SELECT FROM public.stage_runs r WHERE r.stage = 'risk_execution' AND r.model = ''
                  AND r.status = 'completed' AND r.session_date = %(session)s::date AND r.known_at <> %(cutoff)s)
ORDER BY ex_date, symbol, action_type
