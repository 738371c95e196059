-- The version of a family in use. Parameter: family. Called by storage.registry.
SELECT * FROM model_versions WHERE family = %(family)s AND state = 'promoted'
