-- The universe with two times, renames, what a second vendor says of a bar, and what a restatement touches.
ALTER TABLE trading_universe
    ADD COLUMN renamed_to text CHECK (renamed_to ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$'),
    ADD COLUMN version integer NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 1000000),
    ADD COLUMN known_at timestamptz CHECK (known_at > '1900-01-01' AND known_at < '2200-01-01');
UPDATE trading_universe SET known_at = active_from;
ALTER TABLE trading_universe ALTER COLUMN known_at SET NOT NULL;
COMMENT ON TABLE trading_universe IS 'Which symbols belong to the universe from which session to which; the current version of each interval.';
COMMENT ON COLUMN trading_universe.active_to IS 'Last session of membership, NULL while active; the last one traded when the symbol was delisted';
COMMENT ON COLUMN trading_universe.renamed_to IS 'Ticker under which the same share goes on the session after active_to, NULL when it does not';
COMMENT ON COLUMN trading_universe.version IS '1 for the first version, one more with each change';
COMMENT ON COLUMN trading_universe.known_at IS 'When a decision could have known this version: the close of active_from, or of the session after active_to; stated for sessions decided already: when recorded';

CREATE TABLE trading_universe_history (
    LIKE trading_universe INCLUDING CONSTRAINTS INCLUDING COMMENTS,
    superseded_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, active_from, version)
);
COMMENT ON TABLE trading_universe_history IS 'Superseded versions of membership, each believed from known_at until superseded_at.';
COMMENT ON COLUMN trading_universe_history.superseded_at IS 'known_at of the version that replaced this one, or when it was withdrawn';

-- Whoever changes the universe, a stage or a person, the version before stays.
CREATE FUNCTION keep_universe_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO trading_universe_history SELECT OLD.*, greatest(now(), OLD.known_at);
        RETURN OLD;
    END IF;
    IF NEW.known_at <= OLD.known_at THEN
        NEW.known_at := greatest(now(), OLD.known_at);
    END IF;
    NEW.version := OLD.version + 1;
    NEW.recorded_at := clock_timestamp();
    INSERT INTO trading_universe_history SELECT OLD.*, NEW.known_at;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_universe_version IS 'Trigger: puts the version that is changed or withdrawn into trading_universe_history.';
CREATE TRIGGER trading_universe_versions BEFORE UPDATE OR DELETE ON trading_universe
    FOR EACH ROW EXECUTE FUNCTION keep_universe_version();

CREATE FUNCTION universe_known_at(cutoff timestamptz) RETURNS SETOF trading_universe
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT * FROM trading_universe WHERE known_at <= cutoff
    UNION ALL
    SELECT symbol, active_from, active_to, name, sector, restricted, source, recorded_at, renamed_to, version, known_at
    FROM trading_universe_history WHERE known_at <= cutoff AND superseded_at > cutoff
$$;
COMMENT ON FUNCTION universe_known_at IS 'Membership intervals, past ones included, as they were believed at the cutoff.';

CREATE FUNCTION universe_as_of(session date, cutoff timestamptz) RETURNS SETOF trading_universe
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT * FROM universe_known_at(cutoff) WHERE session BETWEEN active_from AND coalesce(active_to, 'infinity')
$$;
COMMENT ON FUNCTION universe_as_of IS 'Who belonged to the universe at a session, as it was believed at the cutoff.';

CREATE TABLE symbol_changes (
    old_symbol text NOT NULL CHECK (old_symbol ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$'),
    new_symbol text NOT NULL CHECK (new_symbol ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$'),
    effective date NOT NULL CHECK (effective BETWEEN '1900-01-01' AND '2200-01-01'),
    known_at timestamptz NOT NULL CHECK (known_at > '1900-01-01' AND known_at < '2200-01-01'),
    source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (old_symbol, effective),
    UNIQUE (new_symbol, effective),
    CHECK (old_symbol <> new_symbol)
);
COMMENT ON TABLE symbol_changes IS 'Renames that join two tickers held here into one history.';
COMMENT ON COLUMN symbol_changes.old_symbol IS 'Ticker up to the session before';
COMMENT ON COLUMN symbol_changes.new_symbol IS 'Ticker from the effective session on';
COMMENT ON COLUMN symbol_changes.effective IS 'First session traded under the new ticker';
COMMENT ON COLUMN symbol_changes.known_at IS 'Close of the effective session; when that was decided already: when recorded';
COMMENT ON COLUMN symbol_changes.source IS 'Who stated it: a source, or the file a user edits';
COMMENT ON COLUMN symbol_changes.recorded_at IS 'Wall clock of the write';

-- A ticker belongs to one share from its rename until its next one: another share may use it before and after. A row
-- says: what was called `ticker` from `begins` until before `ends` is called `symbol` at the session, NULL for the
-- share that had the ticker before (it is not this one).
CREATE FUNCTION renames_as_of(session date, cutoff timestamptz)
RETURNS TABLE (ticker text, begins date, ends date, symbol text)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH RECURSIVE known AS (
        SELECT * FROM symbol_changes WHERE effective <= session AND known_at <= cutoff
    ), chain AS (
        SELECT old_symbol AS ticker, effective AS ends, new_symbol AS symbol, effective AS since FROM known
        UNION ALL
        SELECT c.ticker, c.ends, k.new_symbol, k.effective
        FROM chain c JOIN known k ON k.old_symbol = c.symbol AND k.effective > c.since
    ), last AS (
        SELECT DISTINCT ON (ticker, ends) * FROM chain ORDER BY ticker, ends, since DESC
    )
    SELECT l.ticker,
           coalesce((SELECT max(k.effective) FROM known k
                     WHERE l.ticker IN (k.old_symbol, k.new_symbol) AND k.effective < l.ends), '-infinity'),
           l.ends, l.symbol
    FROM last l
    UNION ALL
    SELECT k.new_symbol, '-infinity', k.effective, NULL FROM known k
    WHERE NOT EXISTS (SELECT FROM known e WHERE k.new_symbol IN (e.old_symbol, e.new_symbol)
                      AND e.effective < k.effective)
$$;
COMMENT ON FUNCTION renames_as_of IS 'What each earlier ticker is called at a session, as known at the cutoff.';

CREATE TABLE vendor_bars (
    symbol text NOT NULL,
    date date NOT NULL,
    source text NOT NULL,
    batch_id bigint NOT NULL,
    open double precision NOT NULL CHECK (open > 0 AND open < 1e8),
    high double precision NOT NULL CHECK (high > 0 AND high < 1e8),
    low double precision NOT NULL CHECK (low > 0 AND low < 1e8),
    close double precision NOT NULL CHECK (close > 0 AND close < 1e8),
    volume bigint NOT NULL CHECK (volume >= 0 AND volume < 1000000000000000),
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, date, source, batch_id)
);
COMMENT ON TABLE vendor_bars IS 'What each vendor said of a bar, for bars of which more than one has spoken; the newest batch of a vendor is its word now.';
COMMENT ON COLUMN vendor_bars.symbol IS 'Ticker';
COMMENT ON COLUMN vendor_bars.date IS 'Exchange session of the bar';
COMMENT ON COLUMN vendor_bars.source IS 'Vendor';
COMMENT ON COLUMN vendor_bars.batch_id IS 'ingestion_batches.id it came in';
COMMENT ON COLUMN vendor_bars.open IS 'First traded price, USD, unadjusted';
COMMENT ON COLUMN vendor_bars.high IS 'Highest traded price, USD, unadjusted';
COMMENT ON COLUMN vendor_bars.low IS 'Lowest traded price, USD, unadjusted';
COMMENT ON COLUMN vendor_bars.close IS 'Last traded price, USD, unadjusted';
COMMENT ON COLUMN vendor_bars.volume IS 'Shares traded, unadjusted';
COMMENT ON COLUMN vendor_bars.recorded_at IS 'Wall clock of the write';

CREATE TABLE vendor_disagreements (
    symbol text NOT NULL,
    date date NOT NULL,
    field text NOT NULL CHECK (field IN ('open', 'high', 'low', 'close', 'volume')),
    batch_id bigint NOT NULL,
    source text NOT NULL,
    value double precision NOT NULL CHECK (value >= 0 AND value < 1e15),
    other_source text NOT NULL CHECK (other_source <> source),
    other_value double precision NOT NULL CHECK (other_value >= 0 AND other_value < 1e15),
    difference double precision NOT NULL CHECK (difference >= 0 AND difference <= 2),
    tolerance double precision NOT NULL CHECK (tolerance >= 0 AND tolerance <= 2 AND difference > tolerance),
    chosen_source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, date, field, batch_id, other_source)
);
COMMENT ON TABLE vendor_disagreements IS 'Where two vendors'' words on a bar lie further apart than the tolerance, and whose was taken.';
COMMENT ON COLUMN vendor_disagreements.symbol IS 'Ticker';
COMMENT ON COLUMN vendor_disagreements.date IS 'Exchange session of the bar';
COMMENT ON COLUMN vendor_disagreements.field IS 'open, high, low, close or volume';
COMMENT ON COLUMN vendor_disagreements.batch_id IS 'ingestion_batches.id in which source said so';
COMMENT ON COLUMN vendor_disagreements.source IS 'Vendor that spoke';
COMMENT ON COLUMN vendor_disagreements.value IS 'Its value, USD or shares, unadjusted';
COMMENT ON COLUMN vendor_disagreements.other_source IS 'Vendor that had spoken before';
COMMENT ON COLUMN vendor_disagreements.other_value IS 'Its newest value, USD or shares, unadjusted';
COMMENT ON COLUMN vendor_disagreements.difference IS 'Of the two values, over their mean; fraction';
COMMENT ON COLUMN vendor_disagreements.tolerance IS 'Largest difference taken for agreement then; fraction';
COMMENT ON COLUMN vendor_disagreements.chosen_source IS 'Vendor whose bar market_data held after it: of those that had spoken, the one named first in SOURCES';
COMMENT ON COLUMN vendor_disagreements.recorded_at IS 'Wall clock of the write';

CREATE TABLE restatements (
    batch_id bigint NOT NULL,
    symbol text NOT NULL,
    date date NOT NULL,
    fact text NOT NULL CHECK (fact IN ('bar corrected', 'bar late', 'action corrected', 'action late')),
    known_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, symbol, date, fact)
);
COMMENT ON TABLE restatements IS 'Facts that came, or changed, after a session was decided without them.';
COMMENT ON COLUMN restatements.batch_id IS 'ingestion_batches.id that brought it';
COMMENT ON COLUMN restatements.symbol IS 'Ticker';
COMMENT ON COLUMN restatements.date IS 'Session of the bar, or ex-date of the action';
COMMENT ON COLUMN restatements.fact IS 'What it is';
COMMENT ON COLUMN restatements.known_at IS 'When it came to be known: decisions with an earlier cutoff rest on what was there before';

GRANT SELECT, INSERT ON trading_universe_history, symbol_changes, vendor_bars, vendor_disagreements, restatements
    TO quant_writer;
GRANT SELECT ON trading_universe_history, symbol_changes, vendor_bars, vendor_disagreements, restatements TO quant_reader;
GRANT DELETE ON trading_universe TO quant_writer;
