-- What a person has accepted. Called by quality.facts.
SELECT session_date, symbol FROM session_exceptions
