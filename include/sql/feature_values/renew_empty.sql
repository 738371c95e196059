-- One row: whether the table held nothing and has a new file, into which rows may be copied frozen. No parameters.
-- Called by storage.feature_values.
SELECT renew_empty_feature_values() AS renewed
