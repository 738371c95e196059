-- What passes over sessions found, once. Parameters: account_id, rows (JSON). Called by storage.kill_switch.
SELECT note_own_latches(%(account_id)s, %(rows)s::jsonb)
