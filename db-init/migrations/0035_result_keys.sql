-- An assessment writes 100,000 rows at once, all of one run and a dozen configurations. Looking both up row by row
-- took longer than anything else of storing them: they are looked up once a statement instead. Only the owner can
-- delete a run or a configuration; what hangs on a run still goes with it, and a configuration with results still stays.

ALTER TABLE backtest_results DROP CONSTRAINT backtest_results_run_id_fkey, DROP CONSTRAINT backtest_results_trial_id_fkey;
ALTER TABLE assessment_returns DROP CONSTRAINT assessment_returns_run_id_fkey, DROP CONSTRAINT assessment_returns_trial_id_fkey;

CREATE FUNCTION refuse_unknown_runs() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    unknown record;
BEGIN
    SELECT w.run_id, w.trial_id INTO unknown FROM (SELECT DISTINCT run_id, trial_id FROM written) w
    LEFT JOIN backtest_runs r ON r.id = w.run_id LEFT JOIN strategy_trials t ON t.id = w.trial_id
    WHERE r.id IS NULL OR t.id IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a row of % names run % and trial %, of which one does not exist',
            TG_TABLE_NAME, unknown.run_id, unknown.trial_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION refuse_unknown_runs() IS 'Refuses rows of a run or configuration that does not exist, once a statement';

CREATE TRIGGER backtest_results_inserted AFTER INSERT ON backtest_results REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_runs();
CREATE TRIGGER backtest_results_updated AFTER UPDATE ON backtest_results REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_runs();
CREATE TRIGGER assessment_returns_inserted AFTER INSERT ON assessment_returns REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_runs();
CREATE TRIGGER assessment_returns_updated AFTER UPDATE ON assessment_returns REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_runs();

CREATE FUNCTION forget_run() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM backtest_results WHERE run_id = OLD.id;
    DELETE FROM assessment_returns WHERE run_id = OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION forget_run() IS 'Takes the results of a deleted run away with it';
CREATE TRIGGER backtest_runs_deleted AFTER DELETE ON backtest_runs FOR EACH ROW EXECUTE FUNCTION forget_run();

CREATE FUNCTION keep_tried() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM backtest_results WHERE trial_id = OLD.id)
        OR EXISTS (SELECT FROM assessment_returns WHERE trial_id = OLD.id) THEN
        RAISE EXCEPTION 'trial % has results', OLD.id USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION keep_tried() IS 'Refuses to delete a configuration that has results';
CREATE TRIGGER strategy_trials_deleted BEFORE DELETE ON strategy_trials FOR EACH ROW EXECUTE FUNCTION keep_tried();
