-- A strategy that was compared with no benchmark neither beats it nor fails to: not known, where "no" was stored.
ALTER TABLE strategy_rankings ALTER COLUMN beats_benchmark DROP NOT NULL;
UPDATE strategy_rankings r SET beats_benchmark = NULL
WHERE NOT beats_benchmark
  AND (rank IS NULL
       OR NOT EXISTS (SELECT FROM strategy_rankings b
                      WHERE b.run_id = r.run_id AND b.strategy = 'buy_and_hold' AND b.rank IS NOT NULL
                        AND b.scope = CASE WHEN r.scope LIKE 'category:%' THEN 'overall' ELSE r.scope END));
COMMENT ON COLUMN strategy_rankings.beats_benchmark IS 'Whether its Sharpe ratio is above buy-and-hold''s at 95 %, allowing for all strategies tested; in a category as overall; NULL where one of the two never traded, so that nothing was compared';
