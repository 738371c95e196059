-- What a ranking states of its run, and every configuration ever tried, each counted once. Parameter: run_id.
-- Called by plugins.backtest.ranking.
SELECT r.has_delisted, r.synthetic, (r.parameters #>> '{rules,cash_rate}')::double precision AS cash_rate,
       (SELECT count(*) FROM strategy_trials) AS trials
FROM backtest_runs r
WHERE r.id = %(run_id)s
