"""`make env`: .env for docker-compose.yaml, with secrets generated and nothing of an existing one overwritten."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from data_layer.runtime import files
from data_layer.runtime.console import ends, say
from data_layer.runtime.elsewhere import elsewhere_settings
from data_layer.runtime.home import SECRETS, secret_variable
from data_layer.settings import ROOT
from models.errors import ConfigError

EXAMPLE = ROOT / ".env.example"
# Those of the services beside ours, and those a home has; its supervisor does not run in a container.
GENERATED: Mapping[str, Callable[[], str]] = {
    **{secret_variable(name): make for name, make in SECRETS.items() if name != "supervisor"},
    **dict.fromkeys(
        ("SECRET_METRICS_TOKEN", "SECRET_REDIS", "SECRET_PGADMIN", "SECRET_GRAFANA"), lambda: secrets.token_urlsafe(24)
    ),
}
SPOKEN_OTHERWISE = re.compile(r"[\s$'\"`\\#]")  # names a variable, quotes or ends a value
# Twelve random characters of 64 are 72 bits; whatever is shorter, or a word that examples use, was never generated.
LEAST = 12
PLACEHOLDERS = re.compile(
    r"change|example|placeholder|default|passw|secret|admin|airflow|postgres|quant|redis|<|\.\.\.|(.)\1{5}", re.I
)


def refuse_weak(environ: Mapping[str, str]) -> None:
    """Make sure that every secret of a container is there and was generated.

    Raises:
        ConfigError: names the first that is empty, too short or a placeholder; never its value.
    """
    for name in GENERATED:
        if trouble := _weakness(environ.get(name, "")):
            raise ConfigError(
                f"a secret {trouble}", stage="run", key=name, value="(not shown)",
                remedy="generate all of them: make env, in a folder without .env",
            )  # fmt: skip


def _weakness(value: str) -> str:
    """Return what tells that a secret was never generated, empty for one that may have been."""
    if not value:
        return "is empty"
    if len(value) < LEAST:
        return "is too short"
    return "is a placeholder" if PLACEHOLDERS.search(value) else ""


def main() -> int:
    """Write .env beside docker-compose.yaml, or into OUT=; return 0.

    Raises:
        ConfigError: when there is one.
    """
    path = Path(os.environ.get("OUT") or ROOT / ".env")
    if path.exists():
        raise ConfigError(
            "there is one already", stage="env", key="file", value=str(path),
            remedy="keep it, or see Docker in docs/operations.md for what still has its passwords",
        )  # fmt: skip
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
    elsewhere_settings(given)  # a wrong address is told now
    for name, url in given.items():
        if found := SPOKEN_OTHERWISE.search(url):
            raise ConfigError(
                "an address that Compose would read otherwise", stage="env", key=name, value=found[0],
                remedy=f"write %{ord(found[0]):02X} for it",
            )  # fmt: skip
    files.write_once(path, filled(EXAMPLE.read_text(), given))
    say(f"wrote {path}, readable by you alone; `docker compose up -d` reads it")
    return 0


def filled(example: str, given: Mapping[str, str]) -> str:
    """Return the example with secrets generated, and with what is used in place of a container of ours.

    Args:
        example: lines NAME=value and comments; each of GENERATED stands in it.
        given: DATABASE_URL or REDIS_URL of an existing server.
    """
    gone = {{"DATABASE_URL": "database", "REDIS_URL": "queue"}[name] for name in given}

    def line(text: str) -> str:
        name, _, value = text.removeprefix("# ").partition("=")
        if name in GENERATED:
            # A random text may have one of the words in it; then another is taken.
            return f"{name}={next(value for value in iter(GENERATED[name], '') if not _weakness(value))}"
        if name == "COMPOSE_PROFILES":
            return f"{name}={','.join(one for one in value.split(',') if one not in gone)}"
        return f"{name}={given[name]}" if name in given else text

    return "".join(f"{line(text)}\n" for text in example.splitlines())


if __name__ == "__main__":
    ends(main)
