-- Rows older than an instant per rule, counted or removed. Parameters: before, remove. Called by plugins.upkeep.
SELECT table_name, rule, expired FROM remove_expired(%(before)s, %(remove)s)
