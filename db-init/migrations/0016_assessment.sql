-- The assessment: the scenarios of include/scenarios.toml, and what became of each in a run.
CREATE TABLE scenarios (
    name text PRIMARY KEY CHECK (length(name) BETWEEN 3 AND 60),
    kind text NOT NULL CHECK (kind IN ('historical', 'stress', 'regime')),
    category text NOT NULL CHECK (category ~ '^[a-z_]{3,20}$'),
    why text NOT NULL CHECK (length(why) BETWEEN 3 AND 1000),
    start_date date CHECK (start_date IS NULL OR (start_date BETWEEN '1900-01-01' AND '2200-01-01' AND kind <> 'regime')),
    end_date date CHECK (end_date IS NULL OR (end_date > start_date AND end_date < '2200-01-01' AND kind = 'historical')),
    shock jsonb CHECK ((shock IS NOT NULL) = (kind = 'stress')),
    regime text CHECK ((regime IS NOT NULL) = (kind = 'regime')),
    position integer NOT NULL CHECK (position BETWEEN 1 AND 10000),
    in_file boolean NOT NULL DEFAULT true,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE scenarios IS 'Windows that strategies are assessed in, as the file include/scenarios.toml states them; loaded at every assessment.';
COMMENT ON COLUMN scenarios.name IS 'As people call it';
COMMENT ON COLUMN scenarios.kind IS 'historical: dates; stress: a shock put on the bars; regime: a stretch found by the rule of models/backtest/regimes.py';
COMMENT ON COLUMN scenarios.category IS 'What rankings are grouped by: bull, crash, cycle, stress, regime, whole';
COMMENT ON COLUMN scenarios.why IS 'Where its dates or numbers come from';
COMMENT ON COLUMN scenarios.start_date IS 'First day; of a stress where it lies when those days are held; NULL without a fixed place';
COMMENT ON COLUMN scenarios.end_date IS 'Last day; NULL with start_date: all that is held';
COMMENT ON COLUMN scenarios.shock IS 'sessions, size (fraction of the index), path, by_beta, sectors, volatility, volume, noise, seed';
COMMENT ON COLUMN scenarios.regime IS 'bull, bear, sideways or high_volatility';
COMMENT ON COLUMN scenarios.position IS 'Place in the file';
COMMENT ON COLUMN scenarios.in_file IS 'False once the file does not state it any more';
COMMENT ON COLUMN scenarios.updated_at IS 'Wall clock of the last change';

CREATE TABLE assessment_scenarios (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    scenario text NOT NULL,
    kind text NOT NULL,
    category text NOT NULL,
    definition jsonb NOT NULL,
    first_session date,
    last_session date CHECK (last_session > first_session),
    symbols integer NOT NULL CHECK (symbols BETWEEN 0 AND 1000000),
    regime text CHECK (regime IN ('bull', 'bear', 'sideways', 'high_volatility')),
    skipped_reason text CHECK ((skipped_reason IS NULL) = (first_session IS NOT NULL)),
    PRIMARY KEY (run_id, scenario)
);
COMMENT ON TABLE assessment_scenarios IS 'Where each scenario of an assessment lies in the bars it ran on, or why it was skipped.';
COMMENT ON COLUMN assessment_scenarios.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN assessment_scenarios.scenario IS 'scenarios.name';
COMMENT ON COLUMN assessment_scenarios.kind IS 'historical, stress or regime: results of a stress are of a market that never was';
COMMENT ON COLUMN assessment_scenarios.category IS 'scenarios.category as it was then';
COMMENT ON COLUMN assessment_scenarios.definition IS 'Dates, shock and regime as they were then';
COMMENT ON COLUMN assessment_scenarios.first_session IS 'Session whose close takes the first decision; NULL when skipped';
COMMENT ON COLUMN assessment_scenarios.last_session IS 'Session whose close is the last value';
COMMENT ON COLUMN assessment_scenarios.symbols IS 'Symbols with bars from its first week on: as many backtests a strategy';
COMMENT ON COLUMN assessment_scenarios.regime IS 'Regime most of its sessions were in (of a stress: after the shock); NULL before there is one';
COMMENT ON COLUMN assessment_scenarios.skipped_reason IS 'Why it did not run';

CREATE TABLE assessment_sessions (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    date date NOT NULL,
    regime text CHECK (regime IN ('bull', 'bear', 'sideways', 'high_volatility')),
    benchmark_return double precision CHECK (benchmark_return > -1 AND benchmark_return < 1e6),
    PRIMARY KEY (run_id, date)
);
COMMENT ON TABLE assessment_sessions IS 'The market an assessment ran in, session by session, without any shock.';
COMMENT ON COLUMN assessment_sessions.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN assessment_sessions.date IS 'Session';
COMMENT ON COLUMN assessment_sessions.regime IS 'What kind of market it was, as told at its close; NULL in the first half year';
COMMENT ON COLUMN assessment_sessions.benchmark_return IS 'Benchmark''s total return from the session before, a fraction; NULL on the first';

CREATE TABLE assessment_returns (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    trial_id bigint NOT NULL REFERENCES strategy_trials (id),
    date date NOT NULL,
    daily_return double precision NOT NULL CHECK (daily_return >= -1 AND daily_return < 1e6),
    accounts integer NOT NULL CHECK (accounts BETWEEN 1 AND 1000000),
    PRIMARY KEY (run_id, trial_id, date)
);
COMMENT ON TABLE assessment_returns IS 'Each strategy over all that is held, session by session: the mean over its accounts, one a symbol; what rankings test.';
COMMENT ON COLUMN assessment_returns.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN assessment_returns.trial_id IS 'strategy_trials.id';
COMMENT ON COLUMN assessment_returns.date IS 'Session';
COMMENT ON COLUMN assessment_returns.daily_return IS 'Mean over the accounts of the return from the session before, after costs, a fraction';
COMMENT ON COLUMN assessment_returns.accounts IS 'Accounts with a bar on it and one before';

CREATE TABLE assessment_errors (
    run_id bigint NOT NULL REFERENCES backtest_runs (id) ON DELETE CASCADE,
    strategy text NOT NULL,
    strategy_class text NOT NULL,
    error text NOT NULL CHECK (length(error) BETWEEN 1 AND 4000),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, strategy)
);
COMMENT ON TABLE assessment_errors IS 'Strategies that could not run in an assessment, and why; the others ran.';
COMMENT ON COLUMN assessment_errors.run_id IS 'backtest_runs.id';
COMMENT ON COLUMN assessment_errors.strategy IS 'Name of the model, or of the file that is no strategy';
COMMENT ON COLUMN assessment_errors.strategy_class IS 'Dotted path of the class, empty where there is none';
COMMENT ON COLUMN assessment_errors.error IS 'What happened and what to do';
COMMENT ON COLUMN assessment_errors.recorded_at IS 'Wall clock of the write';

GRANT SELECT ON scenarios, assessment_scenarios, assessment_sessions, assessment_returns, assessment_errors
    TO quant_reader, quant_writer;
GRANT INSERT ON scenarios, assessment_scenarios, assessment_sessions, assessment_returns, assessment_errors TO quant_writer;
GRANT UPDATE ON scenarios TO quant_writer;
GRANT DELETE ON assessment_scenarios, assessment_sessions, assessment_returns, assessment_errors TO quant_writer;
