-- What a person has accepted. Called by plugins.stages.gate.
SELECT session_date, symbol FROM session_exceptions
