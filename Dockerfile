# One image for init and all of Airflow's services; what differs is the command, see data_layer/runtime/container.py.
FROM python:3.11.14-slim-bookworm

# libgomp: LightGBM; nothing else is missing in the slim image.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 50000 --gid 0 --create-home almanac \
    && install -d -o almanac -g 0 -m 0770 /opt/almanac /state /connect

WORKDIR /opt/almanac
# Packages first: they change seldom, and are a layer of their own.
COPY requirements-core.txt ./
COPY deploy/constraints.txt deploy/
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements-core.txt -c deploy/constraints.txt

COPY --chown=almanac:0 . .
RUN ln -s /opt/almanac/deploy/entrypoint.sh /entrypoint
USER almanac
# bin/airflow and bin/psql look for an environment; here the packages are the system's.
ENV VENV=/usr/local \
    PYTHONPATH=/opt/almanac \
    PYTHONUNBUFFERED=1 \
    ALMANAC_HOME=/state
# Kernels are compiled once, not by the first task of each container.
RUN python -m data_layer.features.warm && python -m plugins.backtest.warm

ENTRYPOINT ["/entrypoint"]
CMD ["init"]
