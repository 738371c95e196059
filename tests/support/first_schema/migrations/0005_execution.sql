-- From signals to money: targets, limits, decisions, orders, fills, books.
CREATE TABLE accounts (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9_-]{0,30}$'),
    broker text NOT NULL CHECK (broker IN ('simulated')),
    currency text NOT NULL DEFAULT 'USD' CHECK (currency = 'USD'),
    initial_cash_usd numeric NOT NULL CHECK (initial_cash_usd > 0 AND initial_cash_usd < 1e13),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE accounts IS 'Paper accounts; the simulated broker holds the only one today.';
COMMENT ON COLUMN accounts.id IS 'Name of the account';
COMMENT ON COLUMN accounts.broker IS 'Who executes its orders';
COMMENT ON COLUMN accounts.currency IS 'Currency of all its amounts';
COMMENT ON COLUMN accounts.initial_cash_usd IS 'Deposit it began with, USD';
COMMENT ON COLUMN accounts.created_at IS 'Wall clock of the write';

CREATE TABLE risk_limits (
    name text NOT NULL CHECK (name IN ('max_position', 'max_gross_exposure')),
    threshold double precision NOT NULL CHECK (threshold >= 0 AND threshold <= 100),
    unit text NOT NULL,
    description text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_by text NOT NULL DEFAULT current_user,
    PRIMARY KEY (name)
);
COMMENT ON TABLE risk_limits IS 'Limits every order is checked against. Yours to change; each decision stores the threshold it met.';
COMMENT ON COLUMN risk_limits.name IS 'Limit, as in models/risk';
COMMENT ON COLUMN risk_limits.threshold IS 'Threshold in the unit';
COMMENT ON COLUMN risk_limits.unit IS 'Unit of the threshold';
COMMENT ON COLUMN risk_limits.description IS 'What it bounds';
COMMENT ON COLUMN risk_limits.updated_at IS 'Wall clock of the last change';
COMMENT ON COLUMN risk_limits.updated_by IS 'Database role of the last change';
-- 10 % in one name and no borrowing: what a plain cash account of a few names would be held to.
INSERT INTO risk_limits (name, threshold, unit, description) VALUES
    ('max_position', 0.10, 'fraction of equity', 'Largest absolute value of one position'),
    ('max_gross_exposure', 1.00, 'fraction of equity', 'Largest sum of absolute position values');

CREATE TABLE kill_switch (
    account_id text PRIMARY KEY REFERENCES accounts (id),
    engaged boolean NOT NULL,
    reason text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE kill_switch IS 'Latched: while engaged, every wanted change is rejected and no order is written.';
COMMENT ON COLUMN kill_switch.account_id IS 'accounts.id';
COMMENT ON COLUMN kill_switch.engaged IS 'True: nothing may be ordered';
COMMENT ON COLUMN kill_switch.reason IS 'Why it was last changed';
COMMENT ON COLUMN kill_switch.changed_at IS 'Wall clock of the last change';
COMMENT ON COLUMN kill_switch.changed_by IS 'Database role of the last change';

CREATE TABLE target_positions (
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL,
    symbol text NOT NULL,
    score double precision NOT NULL CHECK (score BETWEEN -1 AND 1),
    target_weight double precision NOT NULL CHECK (target_weight BETWEEN -10 AND 10),
    target_quantity bigint NOT NULL CHECK (target_quantity BETWEEN -1000000000000 AND 1000000000000),
    current_quantity bigint NOT NULL CHECK (current_quantity BETWEEN -1000000000000 AND 1000000000000),
    reference_price numeric NOT NULL CHECK (reference_price > 0 AND reference_price < 1e8),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date, symbol)
);
COMMENT ON TABLE target_positions IS 'Wanted holdings for the next session, in that session''s share basis.';
COMMENT ON COLUMN target_positions.account_id IS 'accounts.id';
COMMENT ON COLUMN target_positions.session_date IS 'Session at whose close it was decided';
COMMENT ON COLUMN target_positions.symbol IS 'Ticker';
COMMENT ON COLUMN target_positions.score IS 'Mean score of the active models, one without a signal counting 0';
COMMENT ON COLUMN target_positions.target_weight IS 'Signed fraction of equity';
COMMENT ON COLUMN target_positions.target_quantity IS 'Signed whole shares wanted';
COMMENT ON COLUMN target_positions.current_quantity IS 'Signed shares held';
COMMENT ON COLUMN target_positions.reference_price IS 'Close of the session in the next session''s share basis, USD';
COMMENT ON COLUMN target_positions.created_at IS 'Wall clock of the write';

CREATE TABLE risk_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL,
    session_date date NOT NULL,
    symbol text NOT NULL,
    decision text NOT NULL CHECK (decision IN ('approved', 'reduced', 'rejected')),
    requested_quantity bigint NOT NULL CHECK (requested_quantity <> 0),
    approved_quantity bigint NOT NULL,
    reason text NOT NULL,
    checks jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    may_order boolean GENERATED ALWAYS AS (decision IN ('approved', 'reduced')) STORED,
    UNIQUE (account_id, session_date, symbol),
    UNIQUE (id, may_order, approved_quantity, symbol, session_date, account_id),
    FOREIGN KEY (account_id, session_date, symbol) REFERENCES target_positions (account_id, session_date, symbol),
    CHECK (CASE decision WHEN 'rejected' THEN approved_quantity = 0
                         WHEN 'approved' THEN approved_quantity = requested_quantity
                         ELSE sign(approved_quantity) = sign(requested_quantity)
                              AND abs(approved_quantity) < abs(requested_quantity) END),
    CHECK (decision = 'approved' OR reason <> '')
);
COMMENT ON TABLE risk_decisions IS 'The verdict on every wanted change, with each limit''s value and threshold.';
COMMENT ON COLUMN risk_decisions.id IS 'Surrogate key';
COMMENT ON COLUMN risk_decisions.account_id IS 'accounts.id';
COMMENT ON COLUMN risk_decisions.session_date IS 'Session at whose close it was decided';
COMMENT ON COLUMN risk_decisions.symbol IS 'Ticker';
COMMENT ON COLUMN risk_decisions.decision IS 'approved, reduced or rejected';
COMMENT ON COLUMN risk_decisions.requested_quantity IS 'Signed change asked for, shares';
COMMENT ON COLUMN risk_decisions.approved_quantity IS 'Signed change allowed, shares';
COMMENT ON COLUMN risk_decisions.reason IS 'Which limits bound and why; empty when approved in full';
COMMENT ON COLUMN risk_decisions.checks IS 'Each limit: value, threshold, allowed quantity, reason';
COMMENT ON COLUMN risk_decisions.created_at IS 'Wall clock of the write';
COMMENT ON COLUMN risk_decisions.may_order IS 'True unless rejected; orders refer to it';

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_order_id text NOT NULL UNIQUE CHECK (client_order_id ~ '^[A-Z2-7]{32}$'),
    risk_decision_id bigint NOT NULL UNIQUE,
    risk_may_order boolean NOT NULL DEFAULT true CHECK (risk_may_order),
    account_id text NOT NULL,
    session_date date NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity bigint NOT NULL CHECK (quantity > 0),
    signed_quantity bigint GENERATED ALWAYS AS (CASE side WHEN 'buy' THEN quantity ELSE -quantity END) STORED,
    order_type text NOT NULL DEFAULT 'market' CHECK (order_type = 'market'),
    time_in_force text NOT NULL DEFAULT 'day' CHECK (time_in_force = 'day'),
    reference_price numeric NOT NULL CHECK (reference_price > 0 AND reference_price < 1e8),
    state text NOT NULL CHECK (state IN ('planned', 'submitted', 'filled', 'expired')),
    filled_quantity bigint NOT NULL DEFAULT 0 CHECK (filled_quantity BETWEEN 0 AND quantity),
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account_id, session_date, symbol),
    FOREIGN KEY (risk_decision_id, risk_may_order, signed_quantity, symbol, session_date, account_id)
        REFERENCES risk_decisions (id, may_order, approved_quantity, symbol, session_date, account_id),
    CHECK ((state = 'filled') = (filled_quantity = quantity))
);
CREATE INDEX orders_open ON orders (account_id, session_date) WHERE state IN ('planned', 'submitted');
COMMENT ON TABLE orders IS 'Market day orders, decided after session_date''s close for the next open; each has a decision that allows exactly its quantity.';
COMMENT ON COLUMN orders.id IS 'Surrogate key';
COMMENT ON COLUMN orders.client_order_id IS 'Base32 of SHA-256 over account, symbol, side, session and attempt: the same order is never sent twice';
COMMENT ON COLUMN orders.risk_decision_id IS 'risk_decisions.id that allows it';
COMMENT ON COLUMN orders.risk_may_order IS 'Always true: the foreign key refuses a rejected decision';
COMMENT ON COLUMN orders.account_id IS 'accounts.id';
COMMENT ON COLUMN orders.session_date IS 'Session at whose close it was decided';
COMMENT ON COLUMN orders.symbol IS 'Ticker';
COMMENT ON COLUMN orders.side IS 'buy or sell';
COMMENT ON COLUMN orders.quantity IS 'Whole shares in the next session''s share basis';
COMMENT ON COLUMN orders.signed_quantity IS 'quantity, negative for a sale';
COMMENT ON COLUMN orders.order_type IS 'market';
COMMENT ON COLUMN orders.time_in_force IS 'day: fills at the next session''s open or expires';
COMMENT ON COLUMN orders.reference_price IS 'Close it was decided on, USD, in the order''s share basis';
COMMENT ON COLUMN orders.state IS 'planned (dry run), submitted, filled, expired';
COMMENT ON COLUMN orders.filled_quantity IS 'Shares filled so far';
COMMENT ON COLUMN orders.reason IS 'Why it expired or was only planned';
COMMENT ON COLUMN orders.created_at IS 'Wall clock of the write';
COMMENT ON COLUMN orders.updated_at IS 'Wall clock of the last change of state';

CREATE TABLE fills (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    broker_fill_id text NOT NULL UNIQUE,
    order_id bigint NOT NULL REFERENCES orders (id),
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity bigint NOT NULL CHECK (quantity > 0),
    price numeric NOT NULL CHECK (price > 0 AND price < 1e8),
    commission_usd numeric NOT NULL CHECK (commission_usd >= 0 AND commission_usd < 1e9),
    slippage_usd numeric NOT NULL CHECK (slippage_usd >= 0 AND slippage_usd < 1e9),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX fills_session ON fills (account_id, session_date);
COMMENT ON TABLE fills IS 'Executions, at the open of session_date.';
COMMENT ON COLUMN fills.id IS 'Surrogate key';
COMMENT ON COLUMN fills.broker_fill_id IS 'The broker''s own id of the execution';
COMMENT ON COLUMN fills.order_id IS 'orders.id';
COMMENT ON COLUMN fills.account_id IS 'accounts.id';
COMMENT ON COLUMN fills.session_date IS 'Session it was executed in';
COMMENT ON COLUMN fills.symbol IS 'Ticker';
COMMENT ON COLUMN fills.side IS 'buy or sell';
COMMENT ON COLUMN fills.quantity IS 'Shares';
COMMENT ON COLUMN fills.price IS 'USD per share, slippage included';
COMMENT ON COLUMN fills.commission_usd IS 'Commission, USD';
COMMENT ON COLUMN fills.slippage_usd IS 'Cost against the open, USD, already in the price';
COMMENT ON COLUMN fills.created_at IS 'Wall clock of the write';

CREATE TABLE positions (
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL,
    symbol text NOT NULL,
    quantity bigint NOT NULL,
    cost_basis_usd numeric NOT NULL CHECK (cost_basis_usd > -1e13 AND cost_basis_usd < 1e13),
    average_cost numeric CHECK (average_cost > 0 AND average_cost < 1e8),
    price numeric CHECK (price > 0 AND price < 1e8),
    price_date date NOT NULL CHECK (price_date <= session_date),
    market_value_usd numeric NOT NULL CHECK (market_value_usd > -1e13 AND market_value_usd < 1e13),
    unrealized_pnl_usd numeric NOT NULL CHECK (unrealized_pnl_usd > -1e13 AND unrealized_pnl_usd < 1e13),
    realized_pnl_usd numeric NOT NULL CHECK (realized_pnl_usd > -1e13 AND realized_pnl_usd < 1e13),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date, symbol)
);
COMMENT ON TABLE positions IS 'Holdings at each session''s close; a row per symbol ever held, quantity 0 once closed.';
COMMENT ON COLUMN positions.account_id IS 'accounts.id';
COMMENT ON COLUMN positions.session_date IS 'Exchange session';
COMMENT ON COLUMN positions.symbol IS 'Ticker';
COMMENT ON COLUMN positions.quantity IS 'Signed shares';
COMMENT ON COLUMN positions.cost_basis_usd IS 'What the open shares cost, USD, negative when short';
COMMENT ON COLUMN positions.average_cost IS 'Cost basis per share, NULL when flat';
COMMENT ON COLUMN positions.price IS 'Last traded close, USD in the session''s share basis, NULL when flat and never priced';
COMMENT ON COLUMN positions.price_date IS 'Session of that close: earlier than session_date when the symbol did not trade';
COMMENT ON COLUMN positions.market_value_usd IS 'Quantity times price, USD';
COMMENT ON COLUMN positions.unrealized_pnl_usd IS 'Market value less cost basis, USD';
COMMENT ON COLUMN positions.realized_pnl_usd IS 'Realised since inception, before commissions, USD';
COMMENT ON COLUMN positions.created_at IS 'Wall clock of the write';

CREATE TABLE ledger_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id),
    transaction_key text NOT NULL,
    session_date date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('deposit', 'fill', 'commission', 'dividend', 'cash_in_lieu')),
    ledger_account text NOT NULL
        CHECK (ledger_account IN ('cash', 'securities', 'capital', 'commission', 'dividend', 'realized_pnl')),
    symbol text,
    amount_usd numeric NOT NULL CHECK (amount_usd > -1e13 AND amount_usd < 1e13),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account_id, transaction_key, ledger_account)
);
CREATE INDEX ledger_entries_session ON ledger_entries (account_id, session_date);
COMMENT ON TABLE ledger_entries IS 'Double-entry books, append-only: debits positive, credits negative, each transaction sums to 0.';
COMMENT ON COLUMN ledger_entries.id IS 'Surrogate key';
COMMENT ON COLUMN ledger_entries.account_id IS 'accounts.id';
COMMENT ON COLUMN ledger_entries.transaction_key IS 'Names the transaction: what it is and of which fill or action';
COMMENT ON COLUMN ledger_entries.session_date IS 'Session it belongs to';
COMMENT ON COLUMN ledger_entries.kind IS 'deposit, fill, commission, dividend, cash_in_lieu';
COMMENT ON COLUMN ledger_entries.ledger_account IS 'Account of the books';
COMMENT ON COLUMN ledger_entries.symbol IS 'Ticker, NULL for cash alone';
COMMENT ON COLUMN ledger_entries.amount_usd IS 'USD, debit positive';
COMMENT ON COLUMN ledger_entries.created_at IS 'Wall clock of the write';

CREATE FUNCTION refuse_unbalanced_transaction() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    bad text;
BEGIN
    SELECT n.transaction_key INTO bad FROM added n GROUP BY n.account_id, n.transaction_key
    HAVING sum(n.amount_usd) <> 0 LIMIT 1;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'ledger transaction % does not sum to zero', bad USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION refuse_unbalanced_transaction IS 'A transaction is written whole, in one statement, and balanced.';
CREATE TRIGGER ledger_entries_balanced AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced_transaction();

CREATE TABLE account_snapshots (
    account_id text NOT NULL REFERENCES accounts (id),
    session_date date NOT NULL,
    cash_usd numeric NOT NULL CHECK (cash_usd > -1e13 AND cash_usd < 1e13),
    securities_usd numeric NOT NULL CHECK (securities_usd > -1e13 AND securities_usd < 1e13),
    equity_usd numeric NOT NULL CHECK (equity_usd > -1e13 AND equity_usd < 1e13),
    gross_exposure_usd numeric NOT NULL CHECK (gross_exposure_usd >= 0 AND gross_exposure_usd < 1e13),
    net_exposure_usd numeric NOT NULL CHECK (net_exposure_usd > -1e13 AND net_exposure_usd < 1e13),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account_id, session_date),
    CHECK (equity_usd = cash_usd + securities_usd)
);
COMMENT ON TABLE account_snapshots IS 'Cash, holdings and equity at each session''s close.';
COMMENT ON COLUMN account_snapshots.account_id IS 'accounts.id';
COMMENT ON COLUMN account_snapshots.session_date IS 'Exchange session';
COMMENT ON COLUMN account_snapshots.cash_usd IS 'Cash, USD';
COMMENT ON COLUMN account_snapshots.securities_usd IS 'Market value of all positions, USD';
COMMENT ON COLUMN account_snapshots.equity_usd IS 'Cash plus market value, USD';
COMMENT ON COLUMN account_snapshots.gross_exposure_usd IS 'Sum of absolute market values, USD';
COMMENT ON COLUMN account_snapshots.net_exposure_usd IS 'Sum of signed market values, USD';
COMMENT ON COLUMN account_snapshots.created_at IS 'Wall clock of the write';
