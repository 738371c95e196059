-- Bars, corporate actions, the universe, and the record of every batch received.
CREATE TABLE ingestion_batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    run_id text NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL CHECK (end_date >= start_date),
    symbols text[] NOT NULL,
    received bigint NOT NULL CHECK (received >= 0),
    accepted bigint NOT NULL CHECK (accepted >= 0),
    duplicates bigint NOT NULL CHECK (duplicates >= 0),
    quarantined bigint NOT NULL CHECK (quarantined >= 0),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (received = accepted + duplicates + quarantined)
);
COMMENT ON TABLE ingestion_batches IS 'One row per answer of a source: every row received is accepted, a duplicate or in quarantine.';
COMMENT ON COLUMN ingestion_batches.id IS 'Surrogate key';
COMMENT ON COLUMN ingestion_batches.source IS 'Source that was asked';
COMMENT ON COLUMN ingestion_batches.run_id IS 'Airflow run that asked';
COMMENT ON COLUMN ingestion_batches.start_date IS 'First session asked for';
COMMENT ON COLUMN ingestion_batches.end_date IS 'Last session asked for';
COMMENT ON COLUMN ingestion_batches.symbols IS 'Symbols asked for';
COMMENT ON COLUMN ingestion_batches.received IS 'Rows in the answer';
COMMENT ON COLUMN ingestion_batches.accepted IS 'Rows new or changed in market_data';
COMMENT ON COLUMN ingestion_batches.duplicates IS 'Rows repeated in the answer, or held already with the same values';
COMMENT ON COLUMN ingestion_batches.quarantined IS 'Rows that cannot be true, kept in quarantine';
COMMENT ON COLUMN ingestion_batches.recorded_at IS 'Wall clock of the write';

CREATE TABLE market_data (
    symbol text NOT NULL CHECK (symbol ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$'),
    date date NOT NULL CHECK (date BETWEEN '1900-01-01' AND '2200-01-01'),
    open double precision NOT NULL CHECK (open > 0 AND open < 1e8),
    high double precision NOT NULL CHECK (high > 0 AND high < 1e8),
    low double precision NOT NULL CHECK (low > 0 AND low < 1e8),
    close double precision NOT NULL CHECK (close > 0 AND close < 1e8),
    volume bigint NOT NULL CHECK (volume >= 0 AND volume < 1000000000000000),
    source text NOT NULL,
    batch_id bigint NOT NULL,
    version integer NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 1000000),
    known_at timestamptz NOT NULL CHECK (known_at > '1900-01-01' AND known_at < '2200-01-01'),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    backfilled boolean NOT NULL,
    PRIMARY KEY (symbol, date),
    CHECK (low <= open AND low <= close AND open <= high AND close <= high)
);
CREATE INDEX market_data_date ON market_data (date);
COMMENT ON TABLE market_data IS 'Daily bars as traded (raw prices and volumes); the current version of each.';
COMMENT ON COLUMN market_data.symbol IS 'Ticker';
COMMENT ON COLUMN market_data.date IS 'Exchange session of the bar';
COMMENT ON COLUMN market_data.open IS 'First traded price, USD, unadjusted';
COMMENT ON COLUMN market_data.high IS 'Highest traded price, USD, unadjusted';
COMMENT ON COLUMN market_data.low IS 'Lowest traded price, USD, unadjusted';
COMMENT ON COLUMN market_data.close IS 'Last traded price, USD, unadjusted';
COMMENT ON COLUMN market_data.volume IS 'Shares traded, unadjusted';
COMMENT ON COLUMN market_data.source IS 'Source this version came from';
COMMENT ON COLUMN market_data.batch_id IS 'ingestion_batches.id this version came in';
COMMENT ON COLUMN market_data.version IS '1 for the first version, one more with each correction';
COMMENT ON COLUMN market_data.known_at IS 'When a decision could have known this version: session close plus the source''s delay; a correction: when recorded';
COMMENT ON COLUMN market_data.recorded_at IS 'Wall clock of the write';
COMMENT ON COLUMN market_data.backfilled IS 'True when loaded later than the day after the session, so known_at is stated, not observed';

CREATE TABLE market_data_history (
    LIKE market_data INCLUDING CONSTRAINTS,
    superseded_at timestamptz NOT NULL,
    superseded_by bigint NOT NULL,
    PRIMARY KEY (symbol, date, version)
);
COMMENT ON TABLE market_data_history IS 'Superseded versions of bars, each believed from known_at until superseded_at.';
COMMENT ON COLUMN market_data_history.superseded_at IS 'known_at of the version that replaced this one';
COMMENT ON COLUMN market_data_history.superseded_by IS 'ingestion_batches.id of the version that replaced this one';

CREATE TABLE corporate_actions (
    symbol text NOT NULL,
    ex_date date NOT NULL,
    action_type text NOT NULL CHECK (action_type IN ('split', 'dividend')),
    value numeric NOT NULL CHECK (value > 0 AND value < 1000000),
    inferred boolean NOT NULL,
    source text NOT NULL,
    batch_id bigint NOT NULL,
    version integer NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 1000000),
    known_at timestamptz NOT NULL CHECK (known_at > '1900-01-01' AND known_at < '2200-01-01'),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, ex_date, action_type)
);
COMMENT ON TABLE corporate_actions IS 'Splits and cash dividends by ex-date; the current version of each.';
COMMENT ON COLUMN corporate_actions.symbol IS 'Ticker';
COMMENT ON COLUMN corporate_actions.ex_date IS 'First session traded without the right';
COMMENT ON COLUMN corporate_actions.action_type IS 'split or dividend';
COMMENT ON COLUMN corporate_actions.value IS 'split: new shares per old; dividend: USD per share held on the ex-date''s eve, in the ex-date''s share basis';
COMMENT ON COLUMN corporate_actions.inferred IS 'True when derived from a vendor''s adjusted close and not announced by anybody';
COMMENT ON COLUMN corporate_actions.source IS 'Source this version came from';
COMMENT ON COLUMN corporate_actions.batch_id IS 'ingestion_batches.id of the bars it was fetched with';
COMMENT ON COLUMN corporate_actions.version IS '1 for the first version, one more with each correction';
COMMENT ON COLUMN corporate_actions.known_at IS 'Announcement, else the close before the ex-date; a correction: when recorded';
COMMENT ON COLUMN corporate_actions.recorded_at IS 'Wall clock of the write';

CREATE TABLE corporate_actions_history (
    LIKE corporate_actions INCLUDING CONSTRAINTS,
    superseded_at timestamptz NOT NULL,
    superseded_by bigint NOT NULL,
    PRIMARY KEY (symbol, ex_date, action_type, version)
);
COMMENT ON TABLE corporate_actions_history IS 'Superseded versions of corporate actions.';
COMMENT ON COLUMN corporate_actions_history.superseded_at IS 'known_at of the version that replaced this one';
COMMENT ON COLUMN corporate_actions_history.superseded_by IS 'ingestion_batches.id of the version that replaced this one';

CREATE TABLE trading_universe (
    symbol text NOT NULL,
    active_from date NOT NULL,
    active_to date CHECK (active_to >= active_from),
    name text NOT NULL,
    sector text,
    restricted boolean NOT NULL DEFAULT false,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, active_from)
);
COMMENT ON TABLE trading_universe IS 'Which symbols belong to the universe from which session to which.';
COMMENT ON COLUMN trading_universe.symbol IS 'Ticker';
COMMENT ON COLUMN trading_universe.active_from IS 'First session of membership';
COMMENT ON COLUMN trading_universe.active_to IS 'Last session of membership, NULL while active';
COMMENT ON COLUMN trading_universe.name IS 'Issuer';
COMMENT ON COLUMN trading_universe.sector IS 'GICS sector, NULL when the source states none';
COMMENT ON COLUMN trading_universe.restricted IS 'True: never to be traded';
COMMENT ON COLUMN trading_universe.source IS 'Source that stated it';
COMMENT ON COLUMN trading_universe.recorded_at IS 'Wall clock of the write';

CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    row_hash text NOT NULL UNIQUE,
    batch_id bigint NOT NULL REFERENCES ingestion_batches (id),
    last_batch_id bigint NOT NULL REFERENCES ingestion_batches (id),
    symbol text NOT NULL,
    session_date date,
    reason text NOT NULL,
    raw jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX quarantine_session ON quarantine (session_date);
COMMENT ON TABLE quarantine IS 'Rows a source sent that cannot be true, as received, with the reason.';
COMMENT ON COLUMN quarantine.id IS 'Surrogate key';
COMMENT ON COLUMN quarantine.row_hash IS 'SHA-256 of source, reason and row: the same bad row received again is not stored again';
COMMENT ON COLUMN quarantine.batch_id IS 'Batch it first came in';
COMMENT ON COLUMN quarantine.last_batch_id IS 'Newest batch it came in; a row the source has mended stops coming';
COMMENT ON COLUMN quarantine.symbol IS 'Symbol as received';
COMMENT ON COLUMN quarantine.session_date IS 'Date as received, NULL when unreadable';
COMMENT ON COLUMN quarantine.reason IS 'Why it cannot be true';
COMMENT ON COLUMN quarantine.raw IS 'The row as received';
COMMENT ON COLUMN quarantine.recorded_at IS 'Wall clock of the write';

CREATE TABLE session_exceptions (
    session_date date NOT NULL,
    symbol text NOT NULL DEFAULT '',
    reason text NOT NULL CHECK (length(reason) >= 3),
    accepted_by text NOT NULL DEFAULT current_user,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (session_date, symbol)
);
COMMENT ON TABLE session_exceptions IS 'Sessions (or one symbol''s session) that a person accepted although the quality gate found them wanting.';
COMMENT ON COLUMN session_exceptions.session_date IS 'Session accepted';
COMMENT ON COLUMN session_exceptions.symbol IS 'Symbol accepted, empty for the whole session';
COMMENT ON COLUMN session_exceptions.reason IS 'Why it is accepted';
COMMENT ON COLUMN session_exceptions.accepted_by IS 'Database role that accepted it';
COMMENT ON COLUMN session_exceptions.recorded_at IS 'Wall clock of the write';

CREATE FUNCTION market_data_as_of(cutoff timestamptz) RETURNS SETOF market_data
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT * FROM market_data WHERE known_at <= cutoff
    UNION ALL
    SELECT symbol, date, open, high, low, close, volume, source, batch_id, version, known_at, recorded_at, backfilled
    FROM market_data_history WHERE known_at <= cutoff AND superseded_at > cutoff
$$;
COMMENT ON FUNCTION market_data_as_of IS 'Bars as they were believed at the cutoff.';

CREATE FUNCTION corporate_actions_as_of(cutoff timestamptz) RETURNS SETOF corporate_actions
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT * FROM corporate_actions WHERE known_at <= cutoff
    UNION ALL
    SELECT symbol, ex_date, action_type, value, inferred, source, batch_id, version, known_at, recorded_at
    FROM corporate_actions_history WHERE known_at <= cutoff AND superseded_at > cutoff
$$;
COMMENT ON FUNCTION corporate_actions_as_of IS 'Splits and dividends as they were believed at the cutoff.';
