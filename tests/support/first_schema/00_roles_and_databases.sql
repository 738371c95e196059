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
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'airflow') THEN
        CREATE ROLE airflow LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
END
$$;

ALTER ROLE quant_reader SET default_transaction_read_only = on;

SELECT 'CREATE DATABASE quant_data OWNER quant_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'quant_data') \gexec
SELECT 'CREATE DATABASE airflow OWNER airflow'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow') \gexec

REVOKE ALL ON DATABASE quant_data, airflow FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE quant_data TO quant_writer;
GRANT CONNECT ON DATABASE quant_data TO quant_reader;
