"""`make status`: what runs, how far each stage is, and where to look."""

from __future__ import annotations

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.console import ends, say, table
from data_layer.runtime.files import is_locked
from data_layer.runtime.home import Home
from data_layer.runtime.services import Services
from data_layer.runtime.summary import print_addresses, print_stages
from data_layer.settings import home_path, load_settings


def main() -> int:
    """Print the status; return 0 when everything runs, else 1."""
    path = home_path()
    if not (path / "ports.json").exists():
        say(f"no home at {path}; `make run` makes it")
        return 1
    home, settings = Home(path), load_settings()
    services = Services(home)
    states = services.states()
    health = AirflowApi(home).health() if states else {}
    say(f"Home       {home.path}, source {settings.source}")
    if is_locked(home.run / "run.lock"):
        say(f"           make run works in it, process {(home.run / 'run.lock').read_text().strip()}")
    say()
    say("Services")
    rows = [("postgres", "running" if services.postgres.is_running() else "stopped", "")]
    for name in services.airflow:
        component = {"dag-processor": "dag_processor", "api-server": "metadatabase"}.get(name, name)
        rows.append((name, states.get(name, "STOPPED").lower(), health.get(component, "")))
    table(("service", "state", "health"), rows)
    if services.postgres.is_running():
        say()
        print_stages(home)
    say()
    print_addresses(home)
    return 0 if {state for _, state, _ in rows} == {"running"} else 1


if __name__ == "__main__":
    ends(main)
