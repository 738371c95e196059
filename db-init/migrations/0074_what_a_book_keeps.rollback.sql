COMMENT ON COLUMN performance_states.book IS 'held: by symbol, weight of the account and last open; started; lost; overdue: trades from before keep_from that wait for an open';
