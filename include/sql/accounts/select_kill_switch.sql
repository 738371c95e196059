-- A row while the kill switch is engaged. Parameter: id. Called by plugins.stages.risk, runtime.account.
SELECT reason FROM kill_switch WHERE account_id = %(id)s AND engaged
