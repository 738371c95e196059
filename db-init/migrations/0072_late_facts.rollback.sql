DROP INDEX market_data_known_at;
