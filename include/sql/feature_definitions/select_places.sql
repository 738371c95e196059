-- Names of features by their place among a row's values. No parameters. Called by plugins.replay.report.
SELECT feature_set, version, position, name FROM feature_definitions ORDER BY feature_set, version, position
