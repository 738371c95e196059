-- Each model session by session, what it left behind to go on from, the benchmark, and figures over windows.
-- A model that was measured before is measured on from its beginning, once; rows that stand are not rewritten.

CREATE TABLE benchmark_returns (
    session_date date PRIMARY KEY CHECK (session_date < '2200-01-01'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    members integer NOT NULL CHECK (members BETWEEN 0 AND 1000000),
    close_return double precision CHECK (close_return > -1e6 AND close_return < 1e6),
    open_return double precision CHECK (open_return > -1e6 AND open_return < 1e6),
    is_synthetic boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE benchmark_returns IS 'What models and reports are compared with, as known at each session: one instrument, or the mean of the universe.';
COMMENT ON COLUMN benchmark_returns.session_date IS 'Session';
COMMENT ON COLUMN benchmark_returns.name IS 'Ticker, or equal-weight universe';
COMMENT ON COLUMN benchmark_returns.members IS 'Symbols the close''s return is the mean of';
COMMENT ON COLUMN benchmark_returns.close_return IS 'Total return from the close before to this one, fraction; NULL without a bar to compare';
COMMENT ON COLUMN benchmark_returns.open_return IS 'Total return from the open before to this one, fraction; NULL without a bar to compare';
COMMENT ON COLUMN benchmark_returns.is_synthetic IS 'Rests on bars made up from a seed, which no market ever traded';
COMMENT ON COLUMN benchmark_returns.created_at IS 'Wall clock of the write';

CREATE TABLE model_sessions (
    model_id bigint NOT NULL REFERENCES models (id),
    session_date date NOT NULL CHECK (session_date < '2200-01-01'),
    net_return double precision CHECK (net_return >= -1 AND net_return < 1e6),
    gross_return double precision CHECK (gross_return >= -1 AND gross_return < 1e6),
    turnover double precision CHECK (turnover >= 0 AND turnover < 1e6),
    cost double precision CHECK (cost >= 0 AND cost < 1e6),
    gross_exposure double precision CHECK (gross_exposure >= 0 AND gross_exposure < 1e6),
    net_exposure double precision CHECK (abs(net_exposure) < 1e6),
    benchmark_return double precision CHECK (benchmark_return > -1e6 AND benchmark_return < 1e6),
    signals integer NOT NULL CHECK (signals BETWEEN 0 AND 1000000),
    expired integer NOT NULL CHECK (expired BETWEEN 0 AND 1000000),
    closed integer NOT NULL CHECK (closed BETWEEN 0 AND 1000000),
    wins integer NOT NULL CHECK (wins BETWEEN 0 AND closed),
    losses integer NOT NULL CHECK (losses BETWEEN 0 AND closed),
    correct integer NOT NULL CHECK (correct BETWEEN 0 AND closed),
    net_sum double precision NOT NULL CHECK (abs(net_sum) < 1e12),
    win_sum double precision NOT NULL CHECK (win_sum >= 0 AND win_sum < 1e12),
    loss_sum double precision NOT NULL CHECK (loss_sum <= 0 AND loss_sum > -1e12),
    closed_1 integer NOT NULL CHECK (closed_1 BETWEEN 0 AND closed),
    closed_2 integer NOT NULL CHECK (closed_2 BETWEEN 0 AND closed),
    closed_3 integer NOT NULL CHECK (closed_3 BETWEEN 0 AND closed),
    closed_4 integer NOT NULL CHECK (closed_4 BETWEEN 0 AND closed),
    closed_5 integer NOT NULL CHECK (closed_5 BETWEEN 0 AND closed),
    correct_1 integer NOT NULL CHECK (correct_1 BETWEEN 0 AND closed_1),
    correct_2 integer NOT NULL CHECK (correct_2 BETWEEN 0 AND closed_2),
    correct_3 integer NOT NULL CHECK (correct_3 BETWEEN 0 AND closed_3),
    correct_4 integer NOT NULL CHECK (correct_4 BETWEEN 0 AND closed_4),
    correct_5 integer NOT NULL CHECK (correct_5 BETWEEN 0 AND closed_5),
    ic_1 double precision CHECK (ic_1 BETWEEN -1 AND 1),
    rank_ic_1 double precision CHECK (rank_ic_1 BETWEEN -1 AND 1),
    ic_5 double precision CHECK (ic_5 BETWEEN -1 AND 1),
    rank_ic_5 double precision CHECK (rank_ic_5 BETWEEN -1 AND 1),
    ic_21 double precision CHECK (ic_21 BETWEEN -1 AND 1),
    rank_ic_21 double precision CHECK (rank_ic_21 BETWEEN -1 AND 1),
    is_synthetic boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model_id, session_date)
);
CREATE INDEX model_sessions_date ON model_sessions (session_date);
COMMENT ON TABLE model_sessions IS 'What each model''s signals did in each session, as known at the last one measured: model_performance is made of it. Written anew when a past bar or signal is corrected.';
COMMENT ON COLUMN model_sessions.model_id IS 'models.id';
COMMENT ON COLUMN model_sessions.session_date IS 'Session';
COMMENT ON COLUMN model_sessions.net_return IS 'Return of the account that holds the signals at their own sizes, from the open before to this open, after costs, fraction; NULL before its first trade';
COMMENT ON COLUMN model_sessions.gross_return IS 'The same before what this open''s trades cost';
COMMENT ON COLUMN model_sessions.turnover IS 'Bought and sold at this open, fraction of the account';
COMMENT ON COLUMN model_sessions.cost IS 'Paid for it, fraction of the account';
COMMENT ON COLUMN model_sessions.gross_exposure IS 'Held after it, long and short added up, fraction of the account';
COMMENT ON COLUMN model_sessions.net_exposure IS 'Held after it, long less short, fraction of the account';
COMMENT ON COLUMN model_sessions.benchmark_return IS 'benchmark_returns.open_return';
COMMENT ON COLUMN model_sessions.signals IS 'Long and short signals decided at this close';
COMMENT ON COLUMN model_sessions.expired IS 'Orders of the close before whose symbol had no open';
COMMENT ON COLUMN model_sessions.closed IS 'Signals whose holding period ended at this open';
COMMENT ON COLUMN model_sessions.wins IS 'Of closed, those above 0 after costs';
COMMENT ON COLUMN model_sessions.losses IS 'Of closed, those below 0 after costs';
COMMENT ON COLUMN model_sessions.correct IS 'Of closed, those whose price moved to the signal''s side, before costs';
COMMENT ON COLUMN model_sessions.net_sum IS 'Sum of the returns of closed after costs, fractions';
COMMENT ON COLUMN model_sessions.win_sum IS 'Sum of the returns of wins, fractions';
COMMENT ON COLUMN model_sessions.loss_sum IS 'Sum of the returns of losses, fractions';
COMMENT ON COLUMN model_sessions.is_synthetic IS 'Rests on bars made up from a seed, which no market ever traded';
COMMENT ON COLUMN model_sessions.created_at IS 'Wall clock of the write';

CREATE TABLE performance_states (
    model_id bigint PRIMARY KEY REFERENCES models (id),
    session_date date NOT NULL CHECK (session_date < '2200-01-01'),
    keep_from date NOT NULL CHECK (keep_from <= session_date),
    rules jsonb NOT NULL,
    book jsonb NOT NULL,
    is_synthetic boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE performance_states IS 'Where the measurement of each model stands. A row may be deleted at any time: the model is then measured from its beginning, to the same bits.';
COMMENT ON COLUMN performance_states.model_id IS 'models.id';
COMMENT ON COLUMN performance_states.session_date IS 'Last session measured';
COMMENT ON COLUMN performance_states.keep_from IS 'First session the next measurement has to look at';
COMMENT ON COLUMN performance_states.rules IS 'What it was measured by; other rules measure from the beginning';
COMMENT ON COLUMN performance_states.book IS 'held: by symbol, weight of the account and last open; started; lost; overdue: trades from before keep_from that wait for an open';
COMMENT ON COLUMN performance_states.is_synthetic IS 'Rests on bars made up from a seed, which no market ever traded';
COMMENT ON COLUMN performance_states.updated_at IS 'Wall clock of the write';

ALTER TABLE model_performance
    ADD COLUMN sessions integer CHECK (sessions BETWEEN 0 AND 1000000),
    ADD COLUMN annual_return double precision CHECK (abs(annual_return) < 1e6),
    ADD COLUMN sortino_ratio double precision CHECK (abs(sortino_ratio) < 1e6),
    ADD COLUMN calmar_ratio double precision CHECK (abs(calmar_ratio) < 1e6),
    ADD COLUMN drawdown_sessions double precision CHECK (drawdown_sessions BETWEEN 0 AND 1000000),
    ADD COLUMN value_at_risk double precision CHECK (abs(value_at_risk) < 1e6),
    ADD COLUMN conditional_value_at_risk double precision CHECK (abs(conditional_value_at_risk) < 1e6),
    ADD COLUMN tail_ratio double precision CHECK (tail_ratio >= 0 AND tail_ratio < 1e6),
    ADD COLUMN beta double precision CHECK (abs(beta) < 1e6),
    ADD COLUMN alpha double precision CHECK (abs(alpha) < 1e6),
    ADD COLUMN benchmark_return double precision CHECK (abs(benchmark_return) < 1e6),
    ADD COLUMN excess_return double precision CHECK (abs(excess_return) < 1e6),
    ADD COLUMN turnover double precision CHECK (turnover >= 0 AND turnover < 1e6),
    ADD COLUMN cost_drag double precision CHECK (cost_drag >= 0 AND cost_drag < 1e6),
    ADD COLUMN ic_1 double precision CHECK (ic_1 BETWEEN -1 AND 1),
    ADD COLUMN rank_ic_1 double precision CHECK (rank_ic_1 BETWEEN -1 AND 1),
    ADD COLUMN ic_5 double precision CHECK (ic_5 BETWEEN -1 AND 1),
    ADD COLUMN rank_ic_5 double precision CHECK (rank_ic_5 BETWEEN -1 AND 1),
    ADD COLUMN ic_21 double precision CHECK (ic_21 BETWEEN -1 AND 1),
    ADD COLUMN rank_ic_21 double precision CHECK (rank_ic_21 BETWEEN -1 AND 1),
    ADD COLUMN signal_decay double precision CHECK (signal_decay BETWEEN -2 AND 2),
    ADD COLUMN calibration jsonb;
COMMENT ON COLUMN model_performance.sessions IS 'Sessions with a return that the figures rest on';
COMMENT ON COLUMN model_performance.annual_return IS 'Compound return per year of 252 sessions, fraction; NULL where it has no bound over so few sessions';
COMMENT ON COLUMN model_performance.sortino_ratio IS 'Mean daily return above the risk-free rate over the deviation below it, per year';
COMMENT ON COLUMN model_performance.calmar_ratio IS 'annual_return over -max_drawdown';
COMMENT ON COLUMN model_performance.drawdown_sessions IS 'Longest stretch below a peak, sessions';
COMMENT ON COLUMN model_performance.value_at_risk IS 'Daily return that one session in twenty stays below, fraction';
COMMENT ON COLUMN model_performance.conditional_value_at_risk IS 'Mean of the daily returns up to there, fraction';
COMMENT ON COLUMN model_performance.tail_ratio IS '95th percentile of the daily returns over the 5th, unsigned';
COMMENT ON COLUMN model_performance.beta IS 'Of its daily returns on the benchmark''s';
COMMENT ON COLUMN model_performance.alpha IS 'What beta does not explain, compounded over a year, fraction';
COMMENT ON COLUMN model_performance.benchmark_return IS 'Compounded return of the benchmark over the same sessions, open to open, fraction';
COMMENT ON COLUMN model_performance.excess_return IS 'total_return less benchmark_return';
COMMENT ON COLUMN model_performance.turnover IS 'Bought and sold in a session, mean, fraction of the account';
COMMENT ON COLUMN model_performance.cost_drag IS 'Paid for it per year of 252 sessions, fraction of the account';
COMMENT ON COLUMN model_performance.ic_1 IS 'Information coefficient: mean correlation of a session''s scores with the returns from the next open to the one after';
COMMENT ON COLUMN model_performance.rank_ic_1 IS 'The same of ranks';
COMMENT ON COLUMN model_performance.ic_5 IS 'As ic_1, to the open of 5 sessions later';
COMMENT ON COLUMN model_performance.rank_ic_5 IS 'As rank_ic_1, to the open of 5 sessions later';
COMMENT ON COLUMN model_performance.ic_21 IS 'As ic_1, to the open of 21 sessions later';
COMMENT ON COLUMN model_performance.rank_ic_21 IS 'As rank_ic_1, to the open of 21 sessions later';
COMMENT ON COLUMN model_performance.signal_decay IS 'rank_ic_1 less rank_ic_21: what of the foresight is gone after a month';
COMMENT ON COLUMN model_performance.calibration IS 'By confidence of the signal, in fifths: from, to, trades closed, hit_rate (share that went the signal''s way)';

CREATE TABLE model_performance_windows (
    LIKE model_performance INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS
);
ALTER TABLE model_performance_windows
    DROP COLUMN rank,
    ADD COLUMN window_sessions integer NOT NULL CHECK (window_sessions IN (21, 63, 252)),
    ADD PRIMARY KEY (model_id, run_date, window_sessions),
    ADD FOREIGN KEY (model_id) REFERENCES models (id);
CREATE INDEX model_performance_windows_date ON model_performance_windows (run_date);
COMMENT ON TABLE model_performance_windows IS 'As model_performance, over the last sessions instead of since inception.';
COMMENT ON COLUMN model_performance_windows.window_sessions IS 'Sessions up to run_date it looks back on; open_trades and nothing else is of all';

DO $$
DECLARE
    name text;
    made_up text := (SELECT EXISTS (SELECT FROM ingestion_batches WHERE source = 'synthetic'))::text;
BEGIN
    FOREACH name IN ARRAY ARRAY['benchmark_returns', 'model_sessions', 'performance_states', 'model_performance_windows'] LOOP
        EXECUTE format('ALTER TABLE %I ALTER is_synthetic SET DEFAULT %s', name, made_up);
    END LOOP;
    FOR bucket IN 1..5 LOOP
        EXECUTE format('COMMENT ON COLUMN model_sessions.closed_%s IS %L', bucket,
            format('Of closed, those said with a confidence in fifth %s of 5', bucket));
        EXECUTE format('COMMENT ON COLUMN model_sessions.correct_%s IS %L', bucket,
            format('Of closed_%s, those whose price moved to the signal''s side', bucket));
    END LOOP;
    FOREACH name IN ARRAY ARRAY['1', '5', '21'] LOOP
        EXECUTE format('COMMENT ON COLUMN model_sessions.ic_%s IS %L', name, format('Correlation of scores with the '
            'returns of %s sessions that end at this open; NULL for fewer than 3 symbols and for constants', name));
        EXECUTE format('COMMENT ON COLUMN model_sessions.rank_ic_%s IS %L', name, 'The same of ranks');
    END LOOP;
END
$$;

GRANT INSERT ON benchmark_returns, model_sessions, performance_states, model_performance_windows TO quant_writer;
GRANT UPDATE, DELETE ON performance_states TO quant_writer;
GRANT DELETE ON model_sessions TO quant_writer;
