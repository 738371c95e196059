-- Statistics for the planner after a load. No parameters. Called by storage.feature_values.
SELECT analyze_feature_values()
