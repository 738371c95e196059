-- Who votes on what the accounts hold, what the vote said, and how an account turns it into targets.
CREATE TABLE ensemble_members (
    model_name text PRIMARY KEY CHECK (model_name ~ '^[a-z][a-z0-9_]{0,62}$'),
    weight double precision NOT NULL CHECK (weight >= 0 AND weight <= 100),
    by_confidence boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE ensemble_members IS 'Models with a vote. Yours to change: counts from the next session decided; each session keeps the members it had.';
COMMENT ON COLUMN ensemble_members.model_name IS 'models.model_name; one that did not run is recorded as missing';
COMMENT ON COLUMN ensemble_members.weight IS 'Weight before all present are made to sum to 1';
COMMENT ON COLUMN ensemble_members.by_confidence IS 'True: the weight is multiplied by the model''s confidence in the symbol';
COMMENT ON COLUMN ensemble_members.changed_at IS 'Wall clock of the last change';
COMMENT ON COLUMN ensemble_members.changed_by IS 'Database role of the last change';
INSERT INTO ensemble_members (model_name, weight, by_confidence) VALUES
    ('tft', 0.5, true), ('rsi_alpha', 0.2, false), ('ema_cross_alpha', 0.2, false), ('macd_alpha', 0.1, false);

CREATE TABLE ensemble_settings (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    direction_band double precision NOT NULL DEFAULT 0.15 CHECK (direction_band BETWEEN 0 AND 1),
    score_share double precision NOT NULL DEFAULT 0.7 CHECK (score_share BETWEEN 0 AND 1),
    factor_bull double precision NOT NULL DEFAULT 1 CHECK (factor_bull BETWEEN 0 AND 1),
    factor_sideways double precision NOT NULL DEFAULT 0.5 CHECK (factor_sideways BETWEEN 0 AND 1),
    factor_bear double precision NOT NULL DEFAULT 0.7 CHECK (factor_bear BETWEEN 0 AND 1),
    publish_threshold double precision NOT NULL DEFAULT 0.55 CHECK (publish_threshold BETWEEN 0 AND 1),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE ensemble_settings IS 'How votes become one signal: a single row, yours to change, counts from the next session decided.';
COMMENT ON COLUMN ensemble_settings.single IS 'Always true: there is one row';
COMMENT ON COLUMN ensemble_settings.direction_band IS 'A score within it is flat';
COMMENT ON COLUMN ensemble_settings.score_share IS 'Part of the confidence that is the score''s size; the rest is the leading model''s confidence';
COMMENT ON COLUMN ensemble_settings.factor_bull IS 'Factor of the confidence while the benchmark rises';
COMMENT ON COLUMN ensemble_settings.factor_sideways IS 'Factor of the confidence while its averages disagree';
COMMENT ON COLUMN ensemble_settings.factor_bear IS 'Factor of the confidence while the benchmark falls';
COMMENT ON COLUMN ensemble_settings.publish_threshold IS 'Least confidence of a signal that is acted on';
COMMENT ON COLUMN ensemble_settings.changed_at IS 'Wall clock of the last change';
COMMENT ON COLUMN ensemble_settings.changed_by IS 'Database role of the last change';
INSERT INTO ensemble_settings DEFAULT VALUES;

CREATE TABLE ensemble_signals (
    session_date date NOT NULL CHECK (session_date BETWEEN '1900-01-01' AND '2200-01-01'),
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('long', 'short', 'flat')),
    score double precision NOT NULL CHECK (score BETWEEN -1 AND 1),
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    published boolean NOT NULL,
    regime text CHECK (regime IN ('bull', 'sideways', 'bear')),
    leading_model text,
    members jsonb NOT NULL,
    missing text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (session_date, symbol),
    CHECK (NOT published OR side <> 'flat')
);
COMMENT ON TABLE ensemble_signals IS 'The weighted vote on each symbol that a member has a signal for; what is published becomes a target.';
COMMENT ON COLUMN ensemble_signals.session_date IS 'Session at whose close it was decided';
COMMENT ON COLUMN ensemble_signals.symbol IS 'Ticker';
COMMENT ON COLUMN ensemble_signals.side IS 'long, short; flat within the direction band';
COMMENT ON COLUMN ensemble_signals.score IS 'Weighted score of the members present, -1 to 1';
COMMENT ON COLUMN ensemble_signals.confidence IS 'Of the score and the leading model, after the regime''s factor, 0 to 1';
COMMENT ON COLUMN ensemble_signals.published IS 'True: confident enough to be acted on; otherwise nothing is wanted';
COMMENT ON COLUMN ensemble_signals.regime IS 'bull, sideways, bear; NULL before the benchmark has 50 sessions';
COMMENT ON COLUMN ensemble_signals.leading_model IS 'Member with the largest contribution, NULL when all contribute 0';
COMMENT ON COLUMN ensemble_signals.members IS 'Each member present: normalised weight, score, confidence, contribution, and whether it has a signal row';
COMMENT ON COLUMN ensemble_signals.missing IS 'Members whose model did not complete the session';
COMMENT ON COLUMN ensemble_signals.created_at IS 'Wall clock of the write';

CREATE TABLE portfolio_settings (
    account_id text PRIMARY KEY REFERENCES accounts (id),
    method text NOT NULL DEFAULT 'score_proportional'
        CHECK (method IN ('score_proportional', 'top_n', 'inverse_volatility', 'min_variance', 'min_cvar')),
    names integer NOT NULL DEFAULT 20 CHECK (names BETWEEN 1 AND 10000),
    full_score_weight double precision CHECK (full_score_weight BETWEEN 0 AND 1),
    max_symbol double precision NOT NULL DEFAULT 0.05 CHECK (max_symbol BETWEEN 0 AND 10),
    max_sector double precision NOT NULL DEFAULT 0.25 CHECK (max_sector BETWEEN 0 AND 10),
    max_gross double precision NOT NULL DEFAULT 1 CHECK (max_gross BETWEEN 0 AND 10),
    max_net double precision NOT NULL DEFAULT 1 CHECK (max_net BETWEEN 0 AND 10),
    cash_buffer double precision NOT NULL DEFAULT 0.02 CHECK (cash_buffer BETWEEN 0 AND 1),
    max_turnover double precision NOT NULL DEFAULT 1 CHECK (max_turnover BETWEEN 0 AND 10),
    min_change double precision NOT NULL DEFAULT 0.01 CHECK (min_change BETWEEN 0 AND 1),
    rebalance text NOT NULL DEFAULT 'daily' CHECK (rebalance IN ('daily', 'monthly')),
    max_holding_sessions integer CHECK (max_holding_sessions BETWEEN 1 AND 100000),
    rearm_sessions integer DEFAULT 21 CHECK (rearm_sessions BETWEEN 1 AND 100000),
    valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE portfolio_settings IS 'How each account turns ensemble scores into targets; yours to change, counts from the next session decided.';
COMMENT ON COLUMN portfolio_settings.account_id IS 'accounts.id';
COMMENT ON COLUMN portfolio_settings.method IS 'How scores become weights: score_proportional, top_n, inverse_volatility, min_variance, min_cvar';
COMMENT ON COLUMN portfolio_settings.names IS 'Of top_n: most longs, and most shorts';
COMMENT ON COLUMN portfolio_settings.full_score_weight IS 'Of score_proportional: fraction of equity at a score of 1; NULL takes the setting FULL_SCORE_WEIGHT';
COMMENT ON COLUMN portfolio_settings.max_symbol IS 'Cap of one weight, fraction of equity';
COMMENT ON COLUMN portfolio_settings.max_sector IS 'Cap of a sector''s weights, fraction of equity; symbols without a sector count as one';
COMMENT ON COLUMN portfolio_settings.max_gross IS 'Cap of all weights, fraction of equity';
COMMENT ON COLUMN portfolio_settings.max_net IS 'Cap of longs less shorts, fraction of equity';
COMMENT ON COLUMN portfolio_settings.cash_buffer IS 'Fraction of equity never aimed to be invested';
COMMENT ON COLUMN portfolio_settings.max_turnover IS 'Cap of a session''s traded value, fraction of equity; what is toward flat comes first';
COMMENT ON COLUMN portfolio_settings.min_change IS 'Smallest order worth its commission, fraction of equity: a holding is not adjusted by less, what limits leave is not ordered below it, and score_proportional spreads over no more names than get as much';
COMMENT ON COLUMN portfolio_settings.rebalance IS 'daily; monthly: weights in the first session of a month, between them holdings are only closed';
COMMENT ON COLUMN portfolio_settings.max_holding_sessions IS 'Sessions after which a holding is closed, NULL for no end';
COMMENT ON COLUMN portfolio_settings.rearm_sessions IS 'Sessions after which a kill switch latched by drawdown or loss arms itself again in a simulated account; NULL for never';
COMMENT ON COLUMN portfolio_settings.valid_from IS 'When this version was written';
COMMENT ON COLUMN portfolio_settings.changed_by IS 'Database role that wrote it';

CREATE TABLE portfolio_settings_history (
    LIKE portfolio_settings INCLUDING CONSTRAINTS INCLUDING COMMENTS,
    valid_to timestamptz NOT NULL CHECK (valid_to < '2200-01-01'),
    PRIMARY KEY (account_id, valid_from)
);
COMMENT ON TABLE portfolio_settings_history IS 'Superseded versions of portfolio_settings, each in force from valid_from to valid_to.';
COMMENT ON COLUMN portfolio_settings_history.valid_to IS 'When the next version was written';

CREATE FUNCTION keep_portfolio_settings() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    NEW.valid_from := greatest(clock_timestamp(), OLD.valid_from + interval '1 microsecond');
    NEW.changed_by := session_user;
    INSERT INTO portfolio_settings_history SELECT OLD.*, NEW.valid_from;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION keep_portfolio_settings IS 'Trigger: a change puts the version before into portfolio_settings_history.';
CREATE TRIGGER portfolio_settings_versions BEFORE UPDATE ON portfolio_settings
    FOR EACH ROW EXECUTE FUNCTION keep_portfolio_settings();

-- Ensemble signals rest on the signals of their session and, like what follows from them, are never restated: they are
-- added to the one definition there is, before the targets.
DO $$
DECLARE
    defined text := pg_get_functiondef('restatement_impact(bigint)'::regprocedure);
    targets text := 'SELECT s.ticker, s.session_date, ''risk_execution'', ''target_positions'', s.reason';
    signals text := 'SELECT s.ticker, s.session_date, ''risk_execution'', ''ensemble_signals'', s.reason
        FROM sessions s JOIN ensemble_signals e ON e.symbol = s.ticker AND e.session_date = s.session_date
        WHERE s.is_after
        UNION ALL
        ';
BEGIN
    IF strpos(defined, targets) = 0 THEN
        RAISE EXCEPTION 'restatement_impact names no target_positions';
    END IF;
    EXECUTE replace(defined, targets, signals || targets);
END
$$;
COMMENT ON FUNCTION restatement_impact IS 'Features, signals, ensemble signals, targets, orders and fills that rest on what a batch (ingestion_batches.id) has changed since.';

ALTER TABLE target_positions
    ADD COLUMN residual_usd double precision NOT NULL DEFAULT 0 CHECK (residual_usd > -1e13 AND residual_usd < 1e13);
COMMENT ON COLUMN target_positions.residual_usd IS 'What whole shares leave of weight times equity, USD, signed';
COMMENT ON COLUMN target_positions.score IS 'Score of the published ensemble signal, 0 without one';

GRANT SELECT ON ensemble_members, ensemble_settings, ensemble_signals, portfolio_settings, portfolio_settings_history
    TO quant_reader, quant_writer;
GRANT INSERT ON ensemble_members, ensemble_signals, portfolio_settings TO quant_writer;
GRANT UPDATE, DELETE ON ensemble_members TO quant_writer;
GRANT UPDATE ON ensemble_settings, portfolio_settings TO quant_writer;
