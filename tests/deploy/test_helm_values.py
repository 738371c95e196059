"""deploy/helm-values.yaml against what it is about: this image, its entrypoint, and the settings of compose."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.elsewhere import elsewhere_settings
from data_layer.runtime.env_file import GENERATED
from data_layer.runtime.home import Home
from data_layer.settings import ROOT

TEXT = (ROOT / "deploy" / "helm-values.yaml").read_text()
VALUES = yaml.safe_load(TEXT)


def test_the_versions_are_those_installed():
    (pinned,) = re.findall(r"^apache-airflow==(\S+)", (ROOT / "requirements-core.txt").read_text(), re.M)
    assert VALUES["airflowVersion"] == pinned
    (user,) = re.findall(r"useradd --uid (\d+) --gid 0", (ROOT / "Dockerfile").read_text())
    assert (VALUES["uid"], VALUES["gid"]) == (int(user), 0)


def test_every_secret_it_names_is_made_in_its_head():
    named = {VALUES["data"]["metadataSecretName"], VALUES["fernetKeySecretName"], VALUES["apiSecretKeySecretName"],
             VALUES["jwtSecretName"]}  # fmt: skip
    named |= {entry["secretRef"]["name"] for entry in yaml.safe_load(VALUES["extraEnvFrom"])}
    assert set(re.findall(r"create secret generic (\S+)", TEXT)) == named
    assert set(re.findall(r"\$(SECRET_\w+)", TEXT)) <= set(GENERATED)


def test_airflow_is_set_as_in_the_other_containers(tmp_path):
    environment = {"DATABASE_URL": "postgresql://a:b@c/d", "REDIS_URL": "redis://e", "API_SERVER_URL": "http://f:8080"}
    home = Home(tmp_path, elsewhere_settings(environment))
    ours = airflow_environment(home, environ={})
    for section, keys in VALUES["config"].items():
        for key, value in keys.items():
            set_here = ours[f"AIRFLOW__{section.upper()}__{key.upper()}"]
            if key == "simple_auth_manager_passwords_file":
                assert set_here == value.replace("/state", str(tmp_path))
            else:
                assert set_here.replace(str(ROOT), "/opt/almanac") == str(value), key
    assert ours["AIRFLOW__CORE__EXECUTOR"] == VALUES["executor"]
    assert VALUES["migrateDatabaseJob"]["args"] == ["init"]
    named = {entry["name"]: entry["value"] for entry in VALUES["env"]}
    assert named["PYTHONPATH"] == "/opt/almanac"
    assert named["ALMANAC_HOME"] == VALUES["volumeMounts"][0]["mountPath"]


def test_probes_of_the_chart_find_their_entrypoint(tmp_path):
    """`exec /entrypoint airflow jobs check ...`: the command takes its place, with the container's environment."""
    (tmp_path / "entrypoint").symlink_to(ROOT / "deploy" / "entrypoint.sh")
    given = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
             "SECRET_METRICS_TOKEN": "canary", "ALMANAC_HOME": str(tmp_path / "home")}  # fmt: skip
    given.pop("DATABASE_URL", None)
    probe = f"exec {tmp_path}/entrypoint sh -c 'echo $METRICS_TOKEN/$SECRET_METRICS_TOKEN; exit 3'"
    done = subprocess.run(["sh", "-c", probe], env=given, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "canary/\n"), done.stderr
