-- Where the caller copies labels to. Called by storage.training.
CREATE TEMP TABLE staged_labels ON COMMIT DROP AS
SELECT symbol, session_date, label, label_end FROM training_labels WITH NO DATA
