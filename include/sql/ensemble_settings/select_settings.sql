-- How votes become one signal. Called by plugins.stages.trading_rules.
SELECT direction_band, score_share, factor_bull, factor_sideways, factor_bear, publish_threshold FROM ensemble_settings
