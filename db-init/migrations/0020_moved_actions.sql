-- An action whose ex-date its source corrects: the old row goes to the history, so that it does not count twice.
ALTER TABLE restatements DROP CONSTRAINT restatements_fact_check;
ALTER TABLE restatements ADD CONSTRAINT restatements_fact_check CHECK (
    fact IN ('bar corrected', 'bar late', 'action corrected', 'action late', 'action moved'));
GRANT DELETE ON corporate_actions TO quant_writer;
COMMENT ON COLUMN corporate_actions_history.superseded_at IS 'known_at of the version that replaced this one; of an ex-date corrected before anybody decided on it, its own';
