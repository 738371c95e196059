-- What a person has accepted. Called by plugins.stages.listings, quality.facts.
SELECT session_date, symbol FROM session_exceptions
