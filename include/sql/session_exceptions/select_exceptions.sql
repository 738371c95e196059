-- What a person has accepted. Called by plugins.stages.ingestion.
SELECT session_date, symbol FROM session_exceptions
