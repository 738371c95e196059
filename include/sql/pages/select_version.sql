-- One row: a trained version with its training. Parameter: id. Called by plugins.web.pages.models.
SELECT v.*, t.run_key, t.symbols, t.rows_with_label, t.folds, t.seed, t.data_version, t.started_by, t.finished_at,
       t.tracking_run, t.findings
FROM model_versions v JOIN training_runs t ON t.id = v.training_run_id WHERE v.id = %(id)s
