-- Backtests: what ran on which data and code, what came of it, and every configuration that was ever tried.
CREATE TABLE strategy_trials (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    strategy text NOT NULL CHECK (strategy ~ '^[a-z][a-z0-9_]*$'),
    strategy_class text NOT NULL,
    parameters jsonb NOT NULL,
    universe text NOT NULL CHECK (length(universe) BETWEEN 1 AND 200),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (strategy_class, parameters, universe)
);
COMMENT ON TABLE strategy_trials IS 'Every distinct configuration of class, parameters and universe ever tried, once: the more were tried, the more the best one owes to luck.';
COMMENT ON COLUMN strategy_trials.id IS 'Surrogate key';
COMMENT ON COLUMN strategy_trials.strategy IS 'Name of the strategy';
COMMENT ON COLUMN strategy_trials.strategy_class IS 'Dotted path of its class';
COMMENT ON COLUMN strategy_trials.parameters IS 'Value of every parameter, defaults included';
COMMENT ON COLUMN strategy_trials.universe IS 'The symbols, or their number and a hash of them when they are many';
COMMENT ON COLUMN strategy_trials.recorded_at IS 'Wall clock of the first try';

CREATE TABLE backtest_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_key text NOT NULL UNIQUE CHECK (run_key ~ '^[0-9a-f]{16,64}$'),
    form text NOT NULL CHECK (form IN ('grid', 'portfolio', 'sweep', 'assessment')),
    parameters jsonb NOT NULL,
    symbols integer NOT NULL CHECK (symbols BETWEEN 1 AND 1000000),
    first_session date NOT NULL,
    last_session date NOT NULL CHECK (last_session >= first_session),
    cash_usd double precision NOT NULL CHECK (cash_usd > 0 AND cash_usd < 1e15),
    data_version text NOT NULL,
    known_at timestamptz,
    code_version text NOT NULL,
    has_delisted boolean NOT NULL,
    synthetic boolean NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE backtest_runs IS 'One row per distinct backtest: the same configuration on the same data and code is the same run.';
COMMENT ON COLUMN backtest_runs.id IS 'Surrogate key';
COMMENT ON COLUMN backtest_runs.run_key IS 'Hash of form, parameters, data_version and code_version';
COMMENT ON COLUMN backtest_runs.form IS 'grid: an account per symbol; portfolio: one account for all; sweep: grid over parameters; assessment: all strategies in all scenarios';
COMMENT ON COLUMN backtest_runs.parameters IS 'Strategies with their parameters, symbols, window, rules and constraints';
COMMENT ON COLUMN backtest_runs.symbols IS 'Number of symbols in the market';
COMMENT ON COLUMN backtest_runs.first_session IS 'First session of the window: the first decision falls at its close';
COMMENT ON COLUMN backtest_runs.last_session IS 'Last session of the window';
COMMENT ON COLUMN backtest_runs.cash_usd IS 'Cash of each account at the start, USD';
COMMENT ON COLUMN backtest_runs.data_version IS 'Hash of symbols, sessions, bars and actions';
COMMENT ON COLUMN backtest_runs.known_at IS 'Knowledge cutoff the bars were read as of; NULL for bars from files';
COMMENT ON COLUMN backtest_runs.code_version IS 'Hash of the engine, the features and the strategies';
COMMENT ON COLUMN backtest_runs.has_delisted IS 'Whether the universe holds shares that have left the market, as many as a market loses; else results are those of survivors';
COMMENT ON COLUMN backtest_runs.synthetic IS 'True when the bars are synthetic and not a market''s';
COMMENT ON COLUMN backtest_runs.recorded_at IS 'Wall clock of the first write';

CREATE TABLE backtest_results (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    trial_id bigint NOT NULL REFERENCES strategy_trials (id),
    symbol text NOT NULL,
    scenario text NOT NULL DEFAULT '',
    sessions integer NOT NULL CHECK (sessions BETWEEN 1 AND 1000000),
    total_return double precision CHECK (abs(total_return) < 1e300),
    annual_return double precision CHECK (abs(annual_return) < 1e300),
    volatility double precision CHECK (abs(volatility) < 1e300),
    sharpe_ratio double precision CHECK (abs(sharpe_ratio) < 1e300),
    sortino_ratio double precision CHECK (abs(sortino_ratio) < 1e300),
    calmar_ratio double precision CHECK (abs(calmar_ratio) < 1e300),
    max_drawdown double precision CHECK (abs(max_drawdown) < 1e300),
    drawdown_sessions double precision CHECK (abs(drawdown_sessions) < 1e300),
    value_at_risk double precision CHECK (abs(value_at_risk) < 1e300),
    conditional_value_at_risk double precision CHECK (abs(conditional_value_at_risk) < 1e300),
    tail_ratio double precision CHECK (abs(tail_ratio) < 1e300),
    beta double precision CHECK (abs(beta) < 1e300),
    alpha double precision CHECK (abs(alpha) < 1e300),
    final_equity double precision CHECK (abs(final_equity) < 1e300),
    trades double precision CHECK (abs(trades) < 1e300),
    win_rate double precision CHECK (abs(win_rate) < 1e300),
    profit_factor double precision CHECK (abs(profit_factor) < 1e300),
    avg_win double precision CHECK (abs(avg_win) < 1e300),
    avg_loss double precision CHECK (abs(avg_loss) < 1e300),
    turnover double precision CHECK (abs(turnover) < 1e300),
    exposure double precision CHECK (abs(exposure) < 1e300),
    cost_drag double precision CHECK (abs(cost_drag) < 1e300),
    is_open double precision CHECK (abs(is_open) < 1e300),
    PRIMARY KEY (run_id, trial_id, symbol, scenario)
);
COMMENT ON TABLE backtest_results IS 'What came of each account of a run: fractions unless said otherwise, NULL while undefined.';
COMMENT ON COLUMN backtest_results.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN backtest_results.trial_id IS 'strategy_trials.id: strategy and parameters';
COMMENT ON COLUMN backtest_results.symbol IS 'The account''s symbol, empty for a portfolio';
COMMENT ON COLUMN backtest_results.scenario IS 'Name of the scenario, empty for the window of the run';
COMMENT ON COLUMN backtest_results.sessions IS 'Closes the account was valued at';
COMMENT ON COLUMN backtest_results.total_return IS 'Last equity over the first, minus 1';
COMMENT ON COLUMN backtest_results.annual_return IS 'Compound return per 252 sessions';
COMMENT ON COLUMN backtest_results.volatility IS 'Sample deviation of session returns, per year';
COMMENT ON COLUMN backtest_results.sharpe_ratio IS 'Mean excess return over its deviation, per year';
COMMENT ON COLUMN backtest_results.sortino_ratio IS 'Mean excess return over the downside deviation, per year';
COMMENT ON COLUMN backtest_results.calmar_ratio IS 'annual_return over the depth of max_drawdown';
COMMENT ON COLUMN backtest_results.max_drawdown IS 'Deepest fall from a peak, <= 0';
COMMENT ON COLUMN backtest_results.drawdown_sessions IS 'Longest stretch below a peak, sessions';
COMMENT ON COLUMN backtest_results.value_at_risk IS '5 % quantile of session returns';
COMMENT ON COLUMN backtest_results.conditional_value_at_risk IS 'Mean of the session returns up to that quantile';
COMMENT ON COLUMN backtest_results.tail_ratio IS '95 % quantile over the 5 % one, unsigned';
COMMENT ON COLUMN backtest_results.beta IS 'Slope of session returns on the benchmark''s';
COMMENT ON COLUMN backtest_results.alpha IS 'Return per year beyond beta times the benchmark''s';
COMMENT ON COLUMN backtest_results.final_equity IS 'Account value at the last close, USD';
COMMENT ON COLUMN backtest_results.trades IS 'Trades completed, each from flat to flat';
COMMENT ON COLUMN backtest_results.win_rate IS 'Share of the trades with a profit after costs';
COMMENT ON COLUMN backtest_results.profit_factor IS 'Sum of profits over sum of losses of the trades';
COMMENT ON COLUMN backtest_results.avg_win IS 'Mean profit of winning trades over the money put in';
COMMENT ON COLUMN backtest_results.avg_loss IS 'Mean profit of losing trades over the money put in, < 0';
COMMENT ON COLUMN backtest_results.turnover IS 'Value traded over the mean equity, per year';
COMMENT ON COLUMN backtest_results.exposure IS 'Share of the closes with a position';
COMMENT ON COLUMN backtest_results.cost_drag IS 'Commissions, slippage and borrowing over the starting cash';
COMMENT ON COLUMN backtest_results.is_open IS 'Positions still held at the end';

CREATE TABLE backtest_equity (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    trial_id bigint NOT NULL REFERENCES strategy_trials (id),
    symbol text NOT NULL,
    scenario text NOT NULL DEFAULT '',
    date date NOT NULL,
    equity_usd double precision NOT NULL CHECK (abs(equity_usd) < 1e300),
    cash_usd double precision NOT NULL CHECK (abs(cash_usd) < 1e300),
    PRIMARY KEY (run_id, trial_id, symbol, scenario, date)
);
COMMENT ON TABLE backtest_equity IS 'Equity curves: each account''s value at each close.';
COMMENT ON COLUMN backtest_equity.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN backtest_equity.trial_id IS 'strategy_trials.id';
COMMENT ON COLUMN backtest_equity.symbol IS 'The account''s symbol, empty for a portfolio';
COMMENT ON COLUMN backtest_equity.scenario IS 'Name of the scenario, empty for the window of the run';
COMMENT ON COLUMN backtest_equity.date IS 'Session';
COMMENT ON COLUMN backtest_equity.equity_usd IS 'Cash and positions at the close, USD';
COMMENT ON COLUMN backtest_equity.cash_usd IS 'Cash at the close, USD; negative while borrowed';

CREATE TABLE backtest_trades (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    trial_id bigint NOT NULL REFERENCES strategy_trials (id),
    number integer NOT NULL CHECK (number BETWEEN 1 AND 100000000),
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('long', 'short')),
    entry_date date NOT NULL,
    exit_date date CHECK (exit_date >= entry_date),
    shares double precision NOT NULL CHECK (shares > 0 AND shares < 1e300),
    entry_price_usd double precision NOT NULL CHECK (entry_price_usd > 0 AND entry_price_usd < 1e300),
    exit_price_usd double precision CHECK (exit_price_usd >= 0 AND exit_price_usd < 1e300),
    profit_usd double precision NOT NULL CHECK (abs(profit_usd) < 1e300),
    profit_fraction double precision NOT NULL CHECK (abs(profit_fraction) < 1e300),
    ended_by text CHECK (ended_by IN ('order', 'stop', 'target', 'delisting')) CHECK ((ended_by IS NULL) = (exit_date IS NULL)),
    PRIMARY KEY (run_id, trial_id, number)
);
COMMENT ON TABLE backtest_trades IS 'Trades of a run, each from flat to flat; one still held is valued at the last close.';
COMMENT ON COLUMN backtest_trades.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN backtest_trades.trial_id IS 'strategy_trials.id';
COMMENT ON COLUMN backtest_trades.number IS 'Counts up in order of the exits, within run and trial';
COMMENT ON COLUMN backtest_trades.symbol IS 'Ticker traded';
COMMENT ON COLUMN backtest_trades.side IS 'long or short';
COMMENT ON COLUMN backtest_trades.entry_date IS 'Session of the first fill';
COMMENT ON COLUMN backtest_trades.exit_date IS 'Session of the last fill, NULL while held';
COMMENT ON COLUMN backtest_trades.shares IS 'Shares bought in it (sold, when short), in the share basis of its end';
COMMENT ON COLUMN backtest_trades.entry_price_usd IS 'Average price paid or received, slippage included, in the share basis of its end';
COMMENT ON COLUMN backtest_trades.exit_price_usd IS 'Price of the last fill, slippage included; NULL while held';
COMMENT ON COLUMN backtest_trades.profit_usd IS 'All its fills, costs and dividends; at the last close while held';
COMMENT ON COLUMN backtest_trades.profit_fraction IS 'profit_usd over the money put in';
COMMENT ON COLUMN backtest_trades.ended_by IS 'order, stop, target or delisting; NULL while held';

GRANT SELECT ON strategy_trials, backtest_runs, backtest_results, backtest_equity, backtest_trades TO quant_reader, quant_writer;
GRANT INSERT ON strategy_trials, backtest_runs, backtest_results, backtest_equity, backtest_trades TO quant_writer;
GRANT UPDATE, DELETE ON backtest_results, backtest_equity, backtest_trades TO quant_writer;
GRANT UPDATE (strategy, recorded_at) ON strategy_trials TO quant_writer;
