-- Models and what they want.
CREATE TABLE models (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_name text NOT NULL UNIQUE CHECK (model_name ~ '^[a-z][a-z0-9_]{0,60}$'),
    model_version text NOT NULL,
    strategy_class text NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
    capital_usd numeric NOT NULL DEFAULT 100000 CHECK (capital_usd > 0 AND capital_usd < 1e13),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE models IS 'Strategies known to the platform. parameters, capital_usd and is_active are yours to change.';
COMMENT ON COLUMN models.id IS 'Surrogate key';
COMMENT ON COLUMN models.model_name IS 'Name; two rows may run one class with different parameters';
COMMENT ON COLUMN models.model_version IS 'Version the class states';
COMMENT ON COLUMN models.strategy_class IS 'Full import path of the class';
COMMENT ON COLUMN models.parameters IS 'Parameters that differ from the class''s defaults or repeat them; checked when loaded';
COMMENT ON COLUMN models.capital_usd IS 'Capital its signals are sized for';
COMMENT ON COLUMN models.is_active IS 'False pauses it: no task, no vote';
COMMENT ON COLUMN models.created_at IS 'Wall clock of the registration';

CREATE TABLE model_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL REFERENCES models (id),
    session_date date NOT NULL,
    model_version text NOT NULL,
    parameters jsonb NOT NULL,
    symbols_scored integer NOT NULL CHECK (symbols_scored BETWEEN 0 AND 1000000),
    signals_long integer NOT NULL CHECK (signals_long BETWEEN 0 AND 1000000),
    signals_short integer NOT NULL CHECK (signals_short BETWEEN 0 AND 1000000),
    signals_flat integer NOT NULL CHECK (signals_flat BETWEEN 0 AND 1000000),
    mean_confidence double precision CHECK (mean_confidence BETWEEN 0 AND 1),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (model_id, session_date),
    UNIQUE (id, model_id, session_date)
);
COMMENT ON TABLE model_runs IS 'One row per model and session: what it ran with and how much it had to say.';
COMMENT ON COLUMN model_runs.id IS 'Surrogate key';
COMMENT ON COLUMN model_runs.model_id IS 'models.id';
COMMENT ON COLUMN model_runs.session_date IS 'Exchange session decided on';
COMMENT ON COLUMN model_runs.model_version IS 'Version of the class that ran';
COMMENT ON COLUMN model_runs.parameters IS 'All parameters it ran with, defaults included';
COMMENT ON COLUMN model_runs.symbols_scored IS 'Symbols with a score that is not NULL (warm-up and missing inputs give none)';
COMMENT ON COLUMN model_runs.signals_long IS 'Signals with side long';
COMMENT ON COLUMN model_runs.signals_short IS 'Signals with side short';
COMMENT ON COLUMN model_runs.signals_flat IS 'Signals that a position should end';
COMMENT ON COLUMN model_runs.mean_confidence IS 'Mean confidence of the long and short signals, NULL without any';
COMMENT ON COLUMN model_runs.created_at IS 'Wall clock of the write';

CREATE TABLE signals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    model_run_id bigint NOT NULL,
    symbol text NOT NULL,
    session_date date NOT NULL,
    side text NOT NULL CHECK (side IN ('long', 'short', 'flat')),
    score double precision NOT NULL CHECK (score BETWEEN -1 AND 1),
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    expected_return double precision CHECK (expected_return BETWEEN -10 AND 10),
    position_size double precision CHECK (position_size BETWEEN 0 AND 10),
    stop_loss double precision CHECK (stop_loss BETWEEN 0 AND 1),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (model_id, symbol, session_date),
    FOREIGN KEY (model_run_id, model_id, session_date) REFERENCES model_runs (id, model_id, session_date),
    CHECK ((side = 'long' AND score > 0) OR (side = 'short' AND score < 0) OR (side = 'flat' AND score = 0))
);
CREATE INDEX signals_session ON signals (session_date);
CREATE INDEX signals_created ON signals (created_at);
COMMENT ON TABLE signals IS 'What each model wants per symbol after a session''s close: a row while its score is not 0, and one when it turns 0.';
COMMENT ON COLUMN signals.id IS 'Surrogate key';
COMMENT ON COLUMN signals.model_id IS 'models.id';
COMMENT ON COLUMN signals.model_run_id IS 'model_runs.id it came from';
COMMENT ON COLUMN signals.symbol IS 'Ticker';
COMMENT ON COLUMN signals.session_date IS 'Session at whose close it was decided; it trades at the next open';
COMMENT ON COLUMN signals.side IS 'long, short, or flat when the score turns 0';
COMMENT ON COLUMN signals.score IS 'Wanted position from -1 (full short) to 1 (full long)';
COMMENT ON COLUMN signals.confidence IS 'From 0 to 1, by the model''s own stated rule';
COMMENT ON COLUMN signals.expected_return IS 'Fraction over the holding period, NULL when the model states none';
COMMENT ON COLUMN signals.position_size IS 'Fraction of the model''s capital';
COMMENT ON COLUMN signals.stop_loss IS 'Distance from the entry price as a fraction, NULL for none';
COMMENT ON COLUMN signals.created_at IS 'Wall clock of the write; rows are written in session order';

CREATE TABLE signals_history (
    LIKE signals INCLUDING CONSTRAINTS,
    superseded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, superseded_at)
);
COMMENT ON TABLE signals_history IS 'Signals as they were before a restatement.';
COMMENT ON COLUMN signals_history.superseded_at IS 'Wall clock of the restatement';

-- A model's task hands its signals over here; one transaction then publishes those of all models.
CREATE UNLOGGED TABLE pending_signals (
    model_id bigint NOT NULL REFERENCES models (id),
    run_id text NOT NULL,
    symbol text NOT NULL,
    session_date date NOT NULL,
    side text NOT NULL,
    score double precision NOT NULL,
    confidence double precision NOT NULL,
    expected_return double precision,
    position_size double precision,
    stop_loss double precision,
    PRIMARY KEY (model_id, run_id, symbol, session_date)
);
COMMENT ON TABLE pending_signals IS 'Signals handed from execute_strategies to store_trading_signals of the same run; empty between runs.';
COMMENT ON COLUMN pending_signals.run_id IS 'Airflow run they belong to';
CREATE UNLOGGED TABLE pending_model_runs (
    model_id bigint NOT NULL REFERENCES models (id),
    run_id text NOT NULL,
    session_date date NOT NULL,
    model_version text NOT NULL,
    parameters jsonb NOT NULL,
    symbols_scored integer NOT NULL,
    known_at timestamptz NOT NULL,
    PRIMARY KEY (model_id, run_id, session_date)
);
COMMENT ON TABLE pending_model_runs IS 'Sessions a model has scored in a run and not yet published; empty between runs.';
COMMENT ON COLUMN pending_model_runs.run_id IS 'Airflow run they belong to';
