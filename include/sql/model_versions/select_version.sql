-- One version. Parameter: id. Called by storage.registry.
SELECT * FROM model_versions WHERE id = %(id)s
