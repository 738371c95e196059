-- Roles and databases. Run once per server by a superuser through psql (docker's entrypoint does the same);
-- safe to repeat. Passwords are set by whoever runs it, never here.
DO $$
DECLARE
    layer text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quant_owner') THEN
        CREATE ROLE quant_owner NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quant_writer') THEN
        CREATE ROLE quant_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quant_reader') THEN
        CREATE ROLE quant_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quant_trainer') THEN
        CREATE ROLE quant_trainer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'airflow') THEN
        CREATE ROLE airflow LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quant_replayer') THEN
        CREATE ROLE quant_replayer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    FOREACH layer IN ARRAY ARRAY['quant_ingest', 'quant_features', 'quant_models', 'quant_risk', 'quant_performance'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = layer) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', layer);
        END IF;
    END LOOP;
END
$$;

-- A stage of the daily chain reads what a reader may and writes the tables of its own layer only; quant_writer becomes
-- its layer's role as it connects.
GRANT quant_reader TO quant_ingest, quant_features, quant_models, quant_risk, quant_performance;
GRANT quant_ingest, quant_features, quant_models, quant_risk, quant_performance TO quant_writer
    WITH INHERIT FALSE, SET TRUE;

-- A replay reads what a reader may and writes to schemas of its own only; quant_writer becomes it by SET ROLE, and has
-- none of its rights before.
GRANT quant_reader TO quant_replayer;
GRANT quant_replayer TO quant_writer WITH INHERIT FALSE, SET TRUE;

ALTER ROLE quant_reader SET default_transaction_read_only = on;
-- Named last, temporary tables never stand before a table of ours of the same name.
ALTER ROLE quant_writer SET search_path = public, pg_temp;
ALTER ROLE quant_reader SET search_path = public, pg_temp;
ALTER ROLE quant_trainer SET search_path = public, pg_temp;
ALTER ROLE airflow SET search_path = public, pg_temp;

SELECT 'CREATE DATABASE quant_data OWNER quant_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'quant_data') \gexec
SELECT 'CREATE DATABASE airflow OWNER airflow'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow') \gexec

REVOKE ALL ON DATABASE quant_data, airflow FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE quant_data TO quant_writer, quant_trainer;
GRANT TEMPORARY ON DATABASE quant_data TO quant_ingest, quant_features, quant_models, quant_risk, quant_performance;
GRANT CONNECT ON DATABASE quant_data TO quant_reader;
GRANT CREATE, TEMPORARY ON DATABASE quant_data TO quant_replayer;
