-- The versions in use, one a family at most. Called by plugins.web.generating.
SELECT * FROM model_versions WHERE state = 'promoted' ORDER BY family
