-- The pages look up fills by order, and list orders newest first.
CREATE INDEX fills_order ON fills (order_id);
CREATE INDEX orders_newest ON orders (session_date DESC, symbol, id DESC);
