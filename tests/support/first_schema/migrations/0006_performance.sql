-- What it was worth.
CREATE TABLE model_performance (
    model_id bigint NOT NULL REFERENCES models (id),
    run_date date NOT NULL,
    total_trades integer NOT NULL CHECK (total_trades BETWEEN 0 AND 1000000000),
    open_trades integer NOT NULL CHECK (open_trades BETWEEN 0 AND 1000000000),
    avg_return double precision CHECK (avg_return > -1e6 AND avg_return < 1e6),
    win_rate double precision CHECK (win_rate BETWEEN 0 AND 1),
    avg_win double precision CHECK (avg_win >= 0 AND avg_win < 1e6),
    avg_loss double precision CHECK (avg_loss <= 0 AND avg_loss > -1e6),
    prediction_accuracy double precision CHECK (prediction_accuracy BETWEEN 0 AND 1),
    total_return double precision CHECK (total_return > -1e6 AND total_return < 1e9),
    volatility double precision CHECK (volatility >= 0 AND volatility < 1e6),
    sharpe_ratio double precision CHECK (sharpe_ratio > -1e6 AND sharpe_ratio < 1e6),
    max_drawdown double precision CHECK (max_drawdown BETWEEN -1e6 AND 0),
    profit_factor double precision CHECK (profit_factor >= 0 AND profit_factor < 1e12),
    holding_period integer NOT NULL CHECK (holding_period BETWEEN 1 AND 252),
    risk_free_rate double precision NOT NULL CHECK (risk_free_rate BETWEEN -1 AND 1),
    rank integer CHECK (rank BETWEEN 1 AND 1000000),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model_id, run_date)
);
CREATE INDEX model_performance_date ON model_performance (run_date);
COMMENT ON TABLE model_performance IS 'Each model as of each session, since inception, from its signals traded at the next open, after costs.';
COMMENT ON COLUMN model_performance.model_id IS 'models.id';
COMMENT ON COLUMN model_performance.run_date IS 'Session as of which it is measured';
COMMENT ON COLUMN model_performance.total_trades IS 'Signals whose holding period has ended at a traded open';
COMMENT ON COLUMN model_performance.open_trades IS 'Signals whose exit price does not exist yet';
COMMENT ON COLUMN model_performance.avg_return IS 'Mean return of the closed ones after costs, fraction';
COMMENT ON COLUMN model_performance.win_rate IS 'Share of the closed ones with a return above 0 after costs';
COMMENT ON COLUMN model_performance.avg_win IS 'Mean return of the winners, fraction';
COMMENT ON COLUMN model_performance.avg_loss IS 'Mean return of the losers, fraction';
COMMENT ON COLUMN model_performance.prediction_accuracy IS 'Share of the closed ones whose price moved to the signal''s side, before costs';
COMMENT ON COLUMN model_performance.total_return IS 'Compounded return of a portfolio of the signals at their own sizes, after costs, fraction';
COMMENT ON COLUMN model_performance.volatility IS 'Standard deviation of its daily returns, per year, fraction';
COMMENT ON COLUMN model_performance.sharpe_ratio IS 'Its mean daily return above the risk-free rate over their standard deviation, per year';
COMMENT ON COLUMN model_performance.max_drawdown IS 'Its deepest fall from a peak, fraction, at most 0';
COMMENT ON COLUMN model_performance.profit_factor IS 'Sum of its daily gains over sum of its daily losses, NULL without a loss';
COMMENT ON COLUMN model_performance.holding_period IS 'Sessions a signal is held for the per-signal figures';
COMMENT ON COLUMN model_performance.risk_free_rate IS 'Per year, fraction';
COMMENT ON COLUMN model_performance.rank IS 'Place by Sharpe ratio on that session';
COMMENT ON COLUMN model_performance.created_at IS 'Wall clock of the write';

CREATE TABLE performance_reports (
    report_date date PRIMARY KEY,
    models_measured integer NOT NULL CHECK (models_measured BETWEEN 0 AND 1000000),
    best_model text,
    worst_model text,
    average_return double precision,
    average_sharpe_ratio double precision,
    account_equity_usd numeric,
    warnings text[] NOT NULL DEFAULT '{}',
    report_data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE performance_reports IS 'One report per session: the ranking and what to know before reading it.';
COMMENT ON COLUMN performance_reports.report_date IS 'Session reported on';
COMMENT ON COLUMN performance_reports.models_measured IS 'Models in the ranking';
COMMENT ON COLUMN performance_reports.best_model IS 'First in the ranking, NULL before any has a Sharpe ratio';
COMMENT ON COLUMN performance_reports.worst_model IS 'Last in the ranking, NULL before any has a Sharpe ratio';
COMMENT ON COLUMN performance_reports.average_return IS 'Mean of the models'' total returns, fraction';
COMMENT ON COLUMN performance_reports.average_sharpe_ratio IS 'Mean of the models'' Sharpe ratios';
COMMENT ON COLUMN performance_reports.account_equity_usd IS 'Equity of the account at the close, USD';
COMMENT ON COLUMN performance_reports.warnings IS 'What a reader must know first';
COMMENT ON COLUMN performance_reports.report_data IS 'Ranking with every model''s figures';
COMMENT ON COLUMN performance_reports.created_at IS 'Wall clock of the write';
