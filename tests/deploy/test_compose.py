"""docker-compose.yaml, Dockerfile and .env.example: against the specification's schema, and against this tree."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import check_jsonschema
import jsonschema
import pytest
import yaml

from data_layer.runtime import env_file
from data_layer.runtime.env_file import GENERATED, filled, refuse_weak
from data_layer.runtime.healthy import BEATS
from data_layer.runtime.launch import SERVICES
from data_layer.settings import ROOT
from models.errors import ConfigError

TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
EXAMPLE = (ROOT / ".env.example").read_text()
OURS = {name: s for name, s in COMPOSE["services"].items() if s["image"].startswith("almanac")}
# Written with the alerts, dashboards and log settings; each is mounted as a folder.
OBSERVED = {"prometheus", "loki", "alloy", "grafana"}


def test_it_is_what_the_compose_specification_allows():
    path = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(path.read_text())
    assert [e.message for e in jsonschema.validators.validator_for(schema)(schema).iter_errors(COMPOSE)] == []


def test_every_service_there_should_be():
    assert set(OURS) == {"check-secrets", "init", "mlflow", *SERVICES}
    assert set(COMPOSE["services"]) - set(OURS) == {"postgres", "redis", "pgadmin", *OBSERVED}
    profiles = {name: s.get("profiles") for name, s in COMPOSE["services"].items()}
    assert {name for name, p in profiles.items() if p == ["observability"]} == OBSERVED
    assert profiles["mlflow"] == ["mlflow"]
    assert all(profiles[name] is None for name in ("check-secrets", "init", *SERVICES))


def test_what_keeps_a_secret_waits_until_it_has_been_looked_at():
    for name, service in COMPOSE["services"].items():
        if name in OURS or not re.search(r"SECRET_|metrics_token", yaml.dump(service)):
            continue
        waits = service["depends_on"]
        checked = {"check-secrets", "init"} & set(waits)  # init looks at them as well
        assert checked and all(waits[c]["condition"] == "service_completed_successfully" for c in checked), name


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_each_has_an_exact_version_a_restart_policy_and_no_port_for_others(name):
    service = COMPOSE["services"][name]
    tag = service["image"].rpartition(":")[2]
    assert service["image"] == "almanac:local" or re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-bookworm)?", tag), tag
    assert service["restart"] == ("no" if name in {"check-secrets", "init"} else "unless-stopped")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    if name not in {"check-secrets", "init"}:  # they end by themselves
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_every_mounted_path_and_volume_is_there():
    named = set()
    for service in COMPOSE["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./deploy/observability/"):
                assert source.split("/")[3] in OBSERVED
            elif source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                named.add(source)
    assert named == set(COMPOSE["volumes"])
    scripts = [path.name for path in (ROOT / "db-init").iterdir() if path.is_file()]
    assert scripts == ["00_roles_and_databases.sql"]  # what Postgres' image runs; init applies the migrations


@pytest.mark.parametrize("name", OURS)
def test_every_command_and_check_is_there(name):
    service = OURS[name]
    first, *more = service["command"]
    assert first in {"check-secrets", "init", *SERVICES} or find_spec(first)
    if name == "mlflow":
        assert [first, more[0]] == ["mlflow", "server"]
    elif name not in {"check-secrets", "init"}:
        assert first == name
        *python, module, checked = service["healthcheck"]["test"]
        assert (python, module, checked) == (["CMD", "python", "-m"], "data_layer.runtime.healthy", name)
        assert checked in {*BEATS, "api-server", "worker"}
        importlib.import_module(module)
    assert service["env_file"] == ".env"
    # One builds the image, the others wait for it and do not look for it elsewhere.
    builds = name == "check-secrets"
    assert ("build" in service, service.get("pull_policy")) == (builds, None if builds else "never")
    assert builds or set(service["depends_on"]) & {"check-secrets", "init"}
    assert {"DATABASE_URL", "REDIS_URL", "API_SERVER_URL", "ALMANAC_HOME"} <= set(service["environment"])


def test_every_variable_has_a_source_or_a_default():
    assert {secret["environment"] for secret in COMPOSE["secrets"].values()} <= set(GENERATED)
    # The innermost first: a default may name another variable.
    named, text = {}, TEXT
    while found := re.findall(r"\$\{(\w+)(:[-?][^${}]*)?\}", text):
        named |= dict(found)
        text = re.sub(r"\$\{(\w+)(:[-?][^${}]*)?\}", "x", text)
    documented = set(re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE, re.M))
    assert {name for name, other in named.items() if not other.startswith(":-")} <= documented
    assert set(GENERATED) <= documented
    for name in GENERATED:  # a value for every one of them, and none a person would have to think of
        assert f"{name}=change-me" in EXAMPLE


def test_the_image_is_pinned_runs_as_nobody_special_and_holds_no_secret():
    lines = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.11\.\d+-slim-bookworm$", lines, re.M)
    assert re.search(r"^USER almanac$", lines, re.M)
    assert "-r requirements-core.txt -c deploy/constraints.txt" in lines
    assert 'ENTRYPOINT ["/entrypoint"]' in lines
    assert "ln -s /opt/almanac/deploy/entrypoint.sh /entrypoint\n" in lines
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", ".git", ".almanac*", ".venv*"} <= set(ignored)
    for path in re.findall(r"^COPY (?!--chown)(\S+)", lines, re.M):
        assert (ROOT / path).exists()


def make_env(**environment):
    return subprocess.run(
        [sys.executable, "-m", "data_layer.runtime.env_file"], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def values(text):
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def test_make_env_generates_what_starts_and_overwrites_nothing(tmp_path):
    path = tmp_path / ".env"
    assert make_env(OUT=str(path)).returncode == 0
    assert path.stat().st_mode & 0o777 == 0o600
    made = values(path.read_text())
    refuse_weak(made)
    secrets = [made[name] for name in GENERATED]
    assert len(set(secrets)) == len(secrets)
    again = make_env(OUT=str(path))
    assert again.returncode == 1
    assert "there is one already" in again.stderr
    assert values(path.read_text()) == made
    assert not [secret for secret in secrets if secret in again.stderr]


def test_an_existing_server_is_one_setting(tmp_path):
    path, url = tmp_path / ".env", "postgresql://boss:hush@db.example.com:5433/postgres?sslmode=require"
    assert make_env(OUT=str(path), DATABASE_URL=url).returncode == 0
    made = values(path.read_text())
    assert (made["DATABASE_URL"], made["COMPOSE_PROFILES"]) == (url, "queue,pgadmin")
    done = make_env(OUT=str(tmp_path / "other"), REDIS_URL="redis://:hu$sh@queue:6379/0")
    assert done.returncode == 1
    assert "REDIS_URL" in done.stderr and "write %24 for it" in done.stderr and "hu$sh" not in done.stderr
    done = make_env(OUT=str(tmp_path / "other"), DATABASE_URL="mysql://boss:hush@db")
    assert done.returncode == 1
    assert "hush" not in done.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "is empty"), ("change-me", "is too short"), ("changeme-changeme", "is a placeholder"),
        ("airflow-airflow", "is a placeholder"), ("<your password here>", "is a placeholder"),
        ("aaaaaaaaaaaaaaaa", "is a placeholder"),
        ("please-put-a-long-random-text-here-such-as-a-password", "is a placeholder"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", GENERATED)
def test_a_secret_that_was_not_generated_is_refused(name, value, why):
    made = values(filled(EXAMPLE, {}))
    with pytest.raises(ConfigError, match=rf"a secret {why}.*{name}.*make env") as caught:
        refuse_weak({**made, name: value})
    assert not value or value not in str(caught.value)


def test_no_container_starts_with_the_example(tmp_path):
    environment = {**values(EXAMPLE), "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "ALMANAC_HOME": str(tmp_path)}
    for name in ("check-secrets", "init", "scheduler", "bash"):
        done = subprocess.run(
            [sys.executable, "-m", "data_layer.runtime.container", name], capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}, cwd=ROOT,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (1, "")
        assert "a secret is too short" in done.stderr
    assert not list(tmp_path.iterdir())


def test_generated_secrets_let_the_others_start(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "data_layer.runtime.container", "check-secrets"], check=False, cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ALMANAC_HOME": str(tmp_path),
             **values(filled(EXAMPLE, {}))},
    )  # fmt: skip
    assert done.returncode == 0 and not list(tmp_path.iterdir())


def test_another_command_gets_the_connections_and_no_secret_of_the_cluster(tmp_path):
    """As the official chart runs `bash -c "exec airflow scheduler"` in it."""
    environment = {**values(filled(EXAMPLE, {})), "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c?sslmode=disable"}
    done = subprocess.run(
        [sys.executable, "-m", "data_layer.runtime.container", "bash", "-c", "exec env"], text=True, check=True,
        capture_output=True, cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ALMANAC_HOME": str(tmp_path), **environment},
    )  # fmt: skip
    given = dict(line.split("=", 1) for line in done.stdout.splitlines())
    connection = json.loads(given["AIRFLOW_CONN_QUANT_READER"])
    assert connection["password"] == environment["SECRET_POSTGRES_QUANT_READER"]
    assert (connection["host"], connection["port"], connection["extra"]) == ("127.0.0.1", 1, {"sslmode": "disable"})
    assert not [name for name in given if name.startswith("SECRET_") or name == "DATABASE_URL"]
    assert given["METRICS_TOKEN"] == environment["SECRET_METRICS_TOKEN"]  # which the page of metrics asks for
    assert env_file.EXAMPLE.exists()


def test_airflows_durations_are_sent_and_taken():
    """They are native histograms, which both ends leave out unless they are told."""
    sent = (ROOT / "deploy" / "observability" / "alloy" / "config.alloy").read_text()
    assert re.search(r"send_native_histograms\s*= true", sent)
    assert "--enable-feature=native-histograms" in COMPOSE["services"]["prometheus"]["command"]
