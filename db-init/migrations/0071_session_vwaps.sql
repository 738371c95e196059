-- The volume-weighted average price of a session, where a vendor gives one. A table of its own beside the bars: nothing is
-- decided on it, so that one given late or corrected must neither make a new version of its bar nor restate a decision.
CREATE TABLE session_vwaps (
    symbol text NOT NULL CHECK (symbol ~ '^[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,4})?$'),
    date date NOT NULL CHECK (date BETWEEN '1900-01-01' AND '2200-01-01'),
    source text NOT NULL,
    batch_id bigint NOT NULL,
    vwap double precision NOT NULL CHECK (vwap > -1e8 AND vwap < 1e8),
    known_at timestamptz NOT NULL CHECK (known_at > '1900-01-01' AND known_at < '2200-01-01'),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (symbol, date, source, batch_id)
);
CREATE INDEX session_vwaps_date ON session_vwaps (date);
COMMENT ON TABLE session_vwaps IS 'What vendors that give one called a session''s volume-weighted average price; the newest batch of a vendor is its word now.';
COMMENT ON COLUMN session_vwaps.symbol IS 'Ticker';
COMMENT ON COLUMN session_vwaps.date IS 'Exchange session of the bar';
COMMENT ON COLUMN session_vwaps.source IS 'Vendor';
COMMENT ON COLUMN session_vwaps.batch_id IS 'ingestion_batches.id it came in, with its bar';
COMMENT ON COLUMN session_vwaps.vwap IS 'Volume-weighted average price as received, USD, unadjusted; one outside its bar''s low and high is a finding and measures nothing';
COMMENT ON COLUMN session_vwaps.known_at IS 'When it could have been known: known_at of its bar where it came with it, else when recorded';
COMMENT ON COLUMN session_vwaps.recorded_at IS 'Wall clock of the write: when its transaction began';
COMMENT ON COLUMN quality_findings.check_name IS 'jump, spike, unrecorded_split, action_without_jump, zero_volume, stale_repeat, far_extreme, vwap_outside, missing_bar, coverage, freshness';
GRANT SELECT ON session_vwaps TO quant_reader, quant_writer;
GRANT INSERT ON session_vwaps TO quant_writer, quant_ingest;

-- The average is the newest word of the bar's own vendor, where it can be one: vendors round to 0.0001 USD.
CREATE OR REPLACE VIEW fill_costs AS
SELECT f.id, f.account_id, f.session_date, f.symbol, f.side, o.order_type, o.client_order_id, f.quantity, f.price,
       f.quantity * f.price AS notional_usd,
       CASE WHEN o.order_type = 'market' THEN o.reference_price END AS decision_close,
       CASE WHEN o.order_type = 'market' THEN b.open::numeric END AS session_open,
       CASE WHEN o.order_type = 'market' THEN s.sign * (f.price - o.reference_price) * f.quantity END AS close_cost_usd,
       CASE WHEN o.order_type = 'market' THEN s.sign * (f.price - b.open::numeric) * f.quantity END AS open_cost_usd,
       f.slippage_usd, f.commission_usd, f.is_synthetic, a.typical::numeric AS typical_price,
       s.sign * (f.price - a.typical::numeric) * f.quantity AS typical_cost_usd,
       v.vwap::numeric AS session_vwap,
       s.sign * (f.price - v.vwap::numeric) * f.quantity AS vwap_cost_usd,
       coalesce(v.vwap, a.typical)::numeric AS average_price,
       CASE WHEN v.vwap IS NOT NULL THEN 'VWAP' WHEN a.typical IS NOT NULL THEN 'typical price' END AS average_kind,
       s.sign * (f.price - coalesce(v.vwap, a.typical)::numeric) * f.quantity AS average_cost_usd,
       CASE WHEN f.quantity * f.price < 1000 THEN 'below 1,000 USD' WHEN f.quantity * f.price < 5000 THEN '1,000 to 5,000 USD'
            WHEN f.quantity * f.price < 25000 THEN '5,000 to 25,000 USD' ELSE '25,000 USD and more' END AS size
FROM fills f
JOIN orders o ON o.id = f.order_id
CROSS JOIN LATERAL (SELECT CASE f.side WHEN 'buy' THEN 1 ELSE -1 END AS sign) s
LEFT JOIN market_data b ON b.symbol = f.symbol AND b.date = f.session_date
CROSS JOIN LATERAL (SELECT (b.high + b.low + b.close) / 3 AS typical) a
LEFT JOIN LATERAL (
    SELECT w.vwap FROM session_vwaps w WHERE (w.symbol, w.date, w.source) = (b.symbol, b.date, b.source)
    ORDER BY w.batch_id DESC LIMIT 1) v ON v.vwap BETWEEN b.low - 0.0001 AND b.high + 0.0001;
COMMENT ON VIEW fill_costs IS 'Each fill against the close it was decided on, its session''s open, and its session''s average: the volume-weighted one where the bar''s vendor gave one that can be true, else the typical price, (high + low + close) / 3; average_kind says which. The *_cost_usd are what it cost more than at that price, USD, negative for less; those of close and open NULL for exits, all where the price is not known.';
