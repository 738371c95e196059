-- Roles and databases. Run once per server by a superuser through psql (docker's entrypoint does the same);
-- safe to repeat. Passwords are set by whoever runs it, never here.
DO $$
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
END
$$;

-- A replay reads what a reader may and writes to schemas of its own only; quant_writer becomes it by SET ROLE, and has
-- none of its rights before.
GRANT quant_reader TO quant_replayer;
GRANT quant_replayer TO quant_writer WITH INHERIT FALSE, SET TRUE;

ALTER ROLE quant_reader SET default_transaction_read_only = on;

SELECT 'CREATE DATABASE quant_data OWNER quant_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'quant_data') \gexec
SELECT 'CREATE DATABASE airflow OWNER airflow'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow') \gexec

REVOKE ALL ON DATABASE quant_data, airflow FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE quant_data TO quant_writer, quant_trainer;
GRANT CONNECT ON DATABASE quant_data TO quant_reader;
GRANT CREATE, TEMPORARY ON DATABASE quant_data TO quant_replayer;
