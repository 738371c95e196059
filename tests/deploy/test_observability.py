"""What the programs beside Airflow's are told about each other: names, ports, folders, data sources."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import yaml

from data_layer.settings import ROOT

FOLDER = ROOT / "deploy" / "observability"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
ALLOY = (FOLDER / "alloy" / "config.alloy").read_text()
LOKI = yaml.safe_load((FOLDER / "loki" / "loki.yml").read_text())
PROVISIONED = FOLDER / "grafana" / "provisioning"
SOURCES = yaml.safe_load((PROVISIONED / "datasources" / "almanac.yml").read_text())["datasources"]
BOARDS = [json.loads(path.read_text()) for path in sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))]
# Where each listens: Loki as it is told, the receiver as it is told, Prometheus at its default.
LISTENS = {
    "loki": LOKI["server"]["http_listen_port"],
    "alloy": int(re.findall(r'endpoint = "0\.0\.0\.0:(\d+)"', ALLOY)[0]),
    "prometheus": 9090,
    "api-server": 8080,
}


def mounts(service: str) -> dict[str, str]:
    """By folder of this tree, where a container finds it."""
    pairs = (mount.split(":") for mount in COMPOSE[service]["volumes"])
    return {source: inside for source, inside, *_ in pairs if source.startswith("./")}


def test_each_is_asked_at_its_name_and_port():
    (scraped,) = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    (collector,) = re.findall(r"METRICS_TO=(\S+)", (ROOT / ".env.example").read_text())
    addresses = [s["url"] for s in SOURCES] + re.findall(r'url = "(\S+)"', ALLOY) + [collector]
    addresses += [f"http://{target}" for target in scraped["static_configs"][0]["targets"]]
    asked = {(urlsplit(address).hostname, urlsplit(address).port) for address in addresses}
    assert asked == set(LISTENS.items())
    assert {name for name, _ in asked} <= set(COMPOSE)
    published = {port.rpartition(":")[2] for name in ("prometheus", "api-server") for port in COMPOSE[name]["ports"]}
    assert published == {"9090", "8080"}


def test_grafana_finds_its_dashboards_and_they_find_their_sources():
    (provider,) = yaml.safe_load((PROVISIONED / "dashboards" / "almanac.yml").read_text())["providers"]
    assert mounts("grafana") == {
        "./deploy/observability/grafana/provisioning": "/etc/grafana/provisioning",
        "./deploy/observability/grafana/dashboards": provider["options"]["path"],
    }
    known = [{"type": source["type"], "uid": source["uid"]} for source in SOURCES]
    assert len({board["uid"] for board in BOARDS}) == len(BOARDS) == 3
    for board in BOARDS:
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert [panel["title"] for panel in board["panels"] if panel["datasource"] not in known] == []


def test_each_program_is_started_with_the_file_that_is_mounted():
    for name, flag in (("loki", "-config.file="), ("prometheus", "--config.file="), ("alloy", "")):
        ((source, inside),) = mounts(name).items()
        (path,) = [word.removeprefix(flag) for word in COMPOSE[name]["command"] if inside in word]
        assert (ROOT / source / path.removeprefix(f"{inside}/")).is_file(), path


def test_loki_keeps_thirty_days_of_lines_and_takes_them_as_late():
    limits = LOKI["limits_config"]
    assert limits["retention_period"] == limits["reject_old_samples_max_age"] == f"{30 * 24}h"
    assert LOKI["compactor"]["retention_enabled"] and LOKI["compactor"]["delete_request_store"]  # one needs the other
    assert limits["shard_streams"]["time_sharding_enabled"]
    (schema,) = LOKI["schema_config"]["configs"]
    assert (schema["store"], schema["schema"]) == ("tsdb", "v13")  # what structured metadata needs
    assert limits["allow_structured_metadata"]
