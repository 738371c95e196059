-- An account is closed by a reset. Parameters: id, reason. Called by plugins.execution.opening, runtime.account.
UPDATE accounts SET closed_at = clock_timestamp(), closed_reason = %(reason)s WHERE id = %(id)s
