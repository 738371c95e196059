-- Hashes of the bars of each session, and of the actions going ex on it, as known when it was first decided.
-- Parameters: start, end. Called by plugins.stages.features.
SELECT session_date AS date, bars, actions FROM facts_decided_on(%(start)s, %(end)s)
