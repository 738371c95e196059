-- Hints that came before the broker was read. Parameter: signatures. Called by plugins.execution.truth.
UPDATE order_hints SET heeded_at = clock_timestamp() WHERE signature = ANY(%(signatures)s) AND heeded_at IS NULL
