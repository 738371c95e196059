-- Renames in force. Called by plugins.stages.knowledge, plugins.stages.universe.
SELECT old_symbol, new_symbol, effective, known_at FROM symbol_changes ORDER BY effective, old_symbol
