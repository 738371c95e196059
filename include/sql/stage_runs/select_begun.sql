-- The last session of a stage that is decided, or half decided. Parameter: stage. Called by plugins.execution.opening, runtime.account.
SELECT max(session_date) AS session_date FROM stage_runs
WHERE stage = %(stage)s AND model = '' AND detail ? 'rules'
