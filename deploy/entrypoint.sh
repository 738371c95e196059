#!/bin/sh
# The image begins with it, and so do the probes of Airflow's official chart, which look for /entrypoint.
exec python -m data_layer.runtime.container "$@"
