-- How long a stage took: when the run that completed a session began, beside when it was done.
ALTER TABLE stage_runs ADD COLUMN began_at timestamptz CHECK (began_at > '1900-01-01' AND began_at < '2200-01-01');
COMMENT ON COLUMN stage_runs.began_at IS 'Wall clock when the run that completed it began; NULL before 0048, where it failed, and for a model''s own row';
