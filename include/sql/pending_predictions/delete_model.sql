-- What an earlier try of a model's task in the same run handed over. Parameters: model_id, run_id.
-- Called by plugins.stages.predictions.
DELETE FROM pending_predictions WHERE model_id = %(model_id)s AND run_id = %(run_id)s
