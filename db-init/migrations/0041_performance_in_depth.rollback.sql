-- Measuring goes on from the beginning of each model once it is applied again; the figures it added are gone.
DROP TABLE model_performance_windows;
DROP TABLE performance_states;
DROP TABLE model_sessions;
DROP TABLE benchmark_returns;
ALTER TABLE model_performance
    DROP COLUMN sessions, DROP COLUMN annual_return, DROP COLUMN sortino_ratio, DROP COLUMN calmar_ratio,
    DROP COLUMN drawdown_sessions, DROP COLUMN value_at_risk, DROP COLUMN conditional_value_at_risk, DROP COLUMN tail_ratio,
    DROP COLUMN beta, DROP COLUMN alpha, DROP COLUMN benchmark_return, DROP COLUMN excess_return,
    DROP COLUMN turnover, DROP COLUMN cost_drag, DROP COLUMN ic_1, DROP COLUMN rank_ic_1,
    DROP COLUMN ic_5, DROP COLUMN rank_ic_5, DROP COLUMN ic_21, DROP COLUMN rank_ic_21,
    DROP COLUMN signal_decay, DROP COLUMN calibration;
