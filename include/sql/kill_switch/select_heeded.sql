-- Cause and reason while latched, else empty; nobody latches it until this transaction ends. Parameter: account_id.
-- Called by storage.kill_switch.
SELECT cause, reason FROM heed_kill_switch(%(account_id)s)
