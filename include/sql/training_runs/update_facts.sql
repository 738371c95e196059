-- What came of a training; what is NULL here stays as it is. Parameters: id, findings, sharpe_per_session, compared_with,
-- tracking_run, tracking_error. Called by storage.training.
UPDATE training_runs
SET findings = coalesce(%(findings)s::jsonb, findings),
    sharpe_per_session = coalesce(%(sharpe_per_session)s, sharpe_per_session),
    compared_with = coalesce(%(compared_with)s, compared_with),
    tracking_run = coalesce(%(tracking_run)s, tracking_run), tracking_error = coalesce(%(tracking_error)s, tracking_error)
WHERE id = %(id)s
