-- Features: one narrow table of float4 arrays under views with a named column per feature.
CREATE TABLE feature_sets (
    feature_set text NOT NULL CHECK (feature_set ~ '^[a-z][a-z0-9_]{0,30}$'),
    version integer NOT NULL CHECK (version BETWEEN 1 AND 1000000),
    fingerprint text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (feature_set, version)
);
COMMENT ON TABLE feature_sets IS 'Versions of each feature set; the highest is the current one.';
COMMENT ON COLUMN feature_sets.feature_set IS 'Name of the set';
COMMENT ON COLUMN feature_sets.version IS 'Counts up from 1 whenever a column is added, removed or changed';
COMMENT ON COLUMN feature_sets.fingerprint IS 'Hash of the columns and their versions, from the code';
COMMENT ON COLUMN feature_sets.recorded_at IS 'Wall clock of the write';

CREATE TABLE feature_definitions (
    feature_set text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{0,60}$'),
    position integer NOT NULL CHECK (position BETWEEN 1 AND 1600),
    formula text NOT NULL,
    inputs text[] NOT NULL,
    window_sessions integer NOT NULL CHECK (window_sessions BETWEEN 0 AND 100000),
    warm_up_sessions integer NOT NULL CHECK (warm_up_sessions BETWEEN 0 AND 100000),
    unit text NOT NULL,
    value_range text NOT NULL,
    equals text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (feature_set, version, name),
    UNIQUE (feature_set, version, position),
    FOREIGN KEY (feature_set, version) REFERENCES feature_sets (feature_set, version)
);
COMMENT ON TABLE feature_definitions IS 'The feature catalogue, written from the code''s own declarations.';
COMMENT ON COLUMN feature_definitions.feature_set IS 'Set the feature belongs to';
COMMENT ON COLUMN feature_definitions.version IS 'Version of the set';
COMMENT ON COLUMN feature_definitions.name IS 'Column name in the set''s view';
COMMENT ON COLUMN feature_definitions.position IS 'Place in feature_values.values, from 1';
COMMENT ON COLUMN feature_definitions.formula IS 'Formula in words';
COMMENT ON COLUMN feature_definitions.inputs IS 'Bar columns it is computed from';
COMMENT ON COLUMN feature_definitions.window_sessions IS 'Sessions of the symbol it looks back on, 0 for all';
COMMENT ON COLUMN feature_definitions.warm_up_sessions IS 'Sessions of the symbol that are NULL before the first value';
COMMENT ON COLUMN feature_definitions.unit IS 'price (USD in the session''s own share basis), volume (shares), ratio, ...';
COMMENT ON COLUMN feature_definitions.value_range IS 'Range of the values';
COMMENT ON COLUMN feature_definitions.equals IS 'Library function it equals';
COMMENT ON COLUMN feature_definitions.recorded_at IS 'Wall clock of the write';

CREATE TABLE feature_values (
    symbol text NOT NULL,
    date date NOT NULL,
    feature_set text NOT NULL,
    version integer NOT NULL,
    values real[] NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, date, feature_set, version)
);
CREATE INDEX feature_values_date ON feature_values (date);
COMMENT ON TABLE feature_values IS 'Stored features; read them through features_<set> or feature_store, where NaN is NULL.';
COMMENT ON COLUMN feature_values.symbol IS 'Ticker';
COMMENT ON COLUMN feature_values.date IS 'Exchange session';
COMMENT ON COLUMN feature_values.feature_set IS 'feature_definitions.feature_set';
COMMENT ON COLUMN feature_values.version IS 'feature_definitions.version';
COMMENT ON COLUMN feature_values.values IS 'Values by feature_definitions.position; NaN where there is none (warm-up, missing input)';
COMMENT ON COLUMN feature_values.recorded_at IS 'Wall clock of the write';

CREATE TABLE feature_values_history (
    LIKE feature_values INCLUDING CONSTRAINTS,
    superseded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, date, feature_set, version, superseded_at)
);
COMMENT ON TABLE feature_values_history IS 'Features as they were before a restatement.';
COMMENT ON COLUMN feature_values_history.superseded_at IS 'Wall clock of the restatement';

CREATE FUNCTION feature_object(feature_values) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT jsonb_object_agg(d.name, to_jsonb(NULLIF($1.values[d.position], 'NaN')))
    FROM feature_definitions d WHERE d.feature_set = $1.feature_set AND d.version = $1.version
$$;
COMMENT ON FUNCTION feature_object IS 'A stored row of features as a JSON object, NaN as null.';

CREATE VIEW feature_store AS
SELECT v.symbol, v.date, v.feature_set, feature_object(v) AS features
FROM feature_values v
WHERE v.version = (SELECT max(s.version) FROM feature_sets s WHERE s.feature_set = v.feature_set);
COMMENT ON VIEW feature_store IS 'Every symbol''s features per session and set as one JSON object, newest version of the set.';

-- The writer may not create views; it may ask for the ones that the catalogue describes.
CREATE FUNCTION refresh_feature_views() RETURNS void
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
        EXECUTE format('CREATE VIEW %I AS SELECT symbol, date, %s FROM feature_values '
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
COMMENT ON FUNCTION refresh_feature_views IS 'Rebuilds the view of each feature set from feature_definitions.';
REVOKE ALL ON FUNCTION refresh_feature_views FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_feature_views TO quant_writer;
