-- The paper account, once. Parameters: id, cash. Called by plugins.stages.drill, plugins.stages.risk.
INSERT INTO accounts (id, broker, initial_cash_usd) VALUES (%(id)s, 'simulated', %(cash)s)
ON CONFLICT (id) DO NOTHING
