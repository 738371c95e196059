-- What comes of made-up bars says so in every row. A home holds one kind of market data, so the label is the tables'
-- default: it turns with the first synthetic batch, before anything can be computed from it, and writers need not know.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'stage_runs', 'audit_events', 'quality_findings', 'data_quality_results', 'feature_values',
        'feature_values_history', 'model_runs', 'model_runs_history', 'signals', 'signals_history', 'target_positions',
        'risk_decisions', 'orders', 'fills', 'positions', 'ledger_entries', 'account_snapshots', 'model_performance',
        'performance_reports'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN is_synthetic boolean NOT NULL DEFAULT false', name);
        EXECUTE format('COMMENT ON COLUMN %I.is_synthetic IS %L', name,
            'Rests on bars made up from a seed, which no market ever traded');
    END LOOP;
END
$$;

CREATE FUNCTION label_synthetic() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    unlabelled record;
BEGIN
    FOR unlabelled IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name = 'is_synthetic' AND column_default = 'false'
        ORDER BY table_name
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER is_synthetic SET DEFAULT true', unlabelled.table_name);
        IF unlabelled.table_name = 'stage_runs' THEN  -- attempts that failed before there was a batch
            UPDATE stage_runs SET is_synthetic = true;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION label_synthetic IS 'Trigger: from the first synthetic batch on, rows derived from bars are labelled synthetic';
REVOKE ALL ON FUNCTION label_synthetic() FROM PUBLIC;

CREATE TRIGGER label_synthetic AFTER INSERT ON ingestion_batches
    FOR EACH ROW WHEN (NEW.source = 'synthetic') EXECUTE FUNCTION label_synthetic();

CREATE OR REPLACE VIEW feature_store AS
SELECT v.symbol, v.date, v.feature_set, feature_object(v) AS features, v.is_synthetic
FROM feature_values v
WHERE v.version = (SELECT max(s.version) FROM feature_sets s WHERE s.feature_set = v.feature_set);

CREATE OR REPLACE FUNCTION refresh_feature_views() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    s record;
    columns text;
    d record;
BEGIN
    FOR s IN SELECT feature_set, max(version) AS version FROM feature_sets GROUP BY feature_set LOOP
        SELECT string_agg(format('NULLIF(values[%s], ''NaN'') AS %I', position, name), ', ' ORDER BY position)
        INTO columns FROM feature_definitions WHERE feature_set = s.feature_set AND version = s.version;
        EXECUTE format('DROP VIEW IF EXISTS %I', 'features_' || s.feature_set);
        EXECUTE format('CREATE VIEW %I AS SELECT symbol, date, %s, is_synthetic FROM feature_values '
                       'WHERE feature_set = %L AND version = %s',
                       'features_' || s.feature_set, columns, s.feature_set, s.version);
        EXECUTE format('GRANT SELECT ON %I TO quant_reader, quant_writer', 'features_' || s.feature_set);
        EXECUTE format('COMMENT ON VIEW %I IS %L', 'features_' || s.feature_set,
                       format('Feature set %s, version %s, one column per feature.', s.feature_set, s.version));
        FOR d IN SELECT name, formula, unit FROM feature_definitions
                 WHERE feature_set = s.feature_set AND version = s.version LOOP
            EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', 'features_' || s.feature_set, d.name,
                           d.formula || ' [' || d.unit || ']');
        END LOOP;
    END LOOP;
END
$$;
SELECT refresh_feature_views();
