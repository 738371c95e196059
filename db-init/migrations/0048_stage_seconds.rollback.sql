ALTER TABLE stage_runs DROP COLUMN began_at;
