-- Sessions up to one whose bars or actions, as known when it was first decided, are not those recorded then, with the
-- actions that are held now.
-- Parameter: session. Called by plugins.replay.causes.
WITH recorded AS (
    SELECT session_date, detail ->> 'bars' AS bars, detail ->> 'actions' AS actions FROM stage_runs
    WHERE stage = 'feature_engineering' AND model = '' AND status = 'completed' AND session_date <= %(session)s
      AND detail ? 'bars'
)
SELECT r.session_date, f.bars <> r.bars AS bars, f.actions <> r.actions AS actions,
       (SELECT string_agg(concat_ws(' ', a.symbol, a.action_type, a.value), ', ' ORDER BY a.symbol, a.action_type)
        FROM corporate_actions a WHERE a.ex_date = r.session_date) AS held
FROM recorded r JOIN facts_decided_on((SELECT min(session_date) FROM recorded), %(session)s) f USING (session_date)
WHERE f.bars <> r.bars OR f.actions <> r.actions
ORDER BY r.session_date
