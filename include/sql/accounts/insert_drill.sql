-- The account of a drill, closed, for another one is traded. Parameter: id. Called by plugins.stages.drill.
INSERT INTO accounts (id, broker, initial_cash_usd, closed_at, closed_reason)
VALUES (%(id)s, 'simulated', 1, clock_timestamp(), 'drill')
