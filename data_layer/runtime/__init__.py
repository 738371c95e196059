"""What makes an installation run: its home folder, Postgres, Airflow, the supervisor, the chain."""
