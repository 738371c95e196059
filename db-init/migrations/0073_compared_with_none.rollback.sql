-- What was not compared says "no" again.
UPDATE strategy_rankings SET beats_benchmark = false WHERE beats_benchmark IS NULL;
ALTER TABLE strategy_rankings ALTER COLUMN beats_benchmark SET NOT NULL;
COMMENT ON COLUMN strategy_rankings.beats_benchmark IS 'Whether its Sharpe ratio is above buy-and-hold''s at 95 %, allowing for all strategies tested; in a category as overall';
