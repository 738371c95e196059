-- Hints that no reconciliation has followed yet. Called by plugins.execution.hints, plugins.execution.truth.
SELECT signature FROM order_hints WHERE heeded_at IS NULL
