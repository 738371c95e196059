-- Fills are no longer beside a vendor's volume-weighted average price, and none is kept: what was given is lost.
DROP VIEW fill_costs;
CREATE VIEW fill_costs AS
SELECT f.id, f.account_id, f.session_date, f.symbol, f.side, o.order_type, o.client_order_id, f.quantity, f.price,
       f.quantity * f.price AS notional_usd,
       CASE WHEN o.order_type = 'market' THEN o.reference_price END AS decision_close,
       CASE WHEN o.order_type = 'market' THEN b.open::numeric END AS session_open,
       CASE WHEN o.order_type = 'market'
            THEN CASE f.side WHEN 'buy' THEN 1 ELSE -1 END * (f.price - o.reference_price) * f.quantity END AS close_cost_usd,
       CASE WHEN o.order_type = 'market'
            THEN CASE f.side WHEN 'buy' THEN 1 ELSE -1 END * (f.price - b.open::numeric) * f.quantity END AS open_cost_usd,
       f.slippage_usd, f.commission_usd, f.is_synthetic,
       ((b.high + b.low + b.close) / 3)::numeric AS typical_price,
       CASE f.side WHEN 'buy' THEN 1 ELSE -1 END * (f.price - ((b.high + b.low + b.close) / 3)::numeric) * f.quantity
           AS typical_cost_usd
FROM fills f
JOIN orders o ON o.id = f.order_id
LEFT JOIN market_data b ON b.symbol = f.symbol AND b.date = f.session_date;
COMMENT ON VIEW fill_costs IS 'Each fill against the close it was decided on, its session''s open and its typical price ((high + low + close) / 3, which stands for a volume-weighted average): close_cost_usd, open_cost_usd and typical_cost_usd are what it cost more than at that price, USD, negative for less; the first two NULL for exits, all where the bar is missing.';
GRANT SELECT ON fill_costs TO quant_reader, quant_writer;
DROP TABLE session_vwaps;
COMMENT ON COLUMN quality_findings.check_name IS 'jump, spike, unrecorded_split, action_without_jump, zero_volume, stale_repeat, far_extreme, missing_bar, coverage, freshness';
