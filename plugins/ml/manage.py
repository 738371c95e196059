"""`make models`, `make promote VERSION= [WAIVER= REASON=]`, `make rollback MODEL=`: the registry from a shell."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from data_layer.runtime.console import ends, say, table
from data_layer.runtime.home import Home
from data_layer.settings import Settings, given_values, load_settings
from data_layer.storage.artifacts import open_store
from data_layer.storage.database import load_sql, transaction
from data_layer.storage.registry import roll_back
from models.errors import ConfigError
from plugins.ml.material import family_class
from plugins.ml.promotion import promote

NAMES = ("VERSION", "WAIVER", "REASON", "MODEL")
SHOWN = ("rank_ic", "sharpe_ratio", "win_rate", "turnover")


def list_models(uri: str) -> int:
    """Print every version, newest first within its family, with what its folds showed and any waiver."""
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("model_versions/select_all")).fetchall()
    if not rows:
        say("no version of any model yet: make train MODEL=alpha158_lightgbm")
        return 0
    table(
        ("VERSION", "model", "number", "state", "seen until", *SHOWN, "last decision", "waiver"),
        [
            (
                str(row["id"]), row["family"], str(row["version"]), row["state"], str(row["seen_until"]),
                *(_shown(row["metrics"].get(name)) for name in SHOWN), row["decision"],
                f"{row['waiver_name']}: {row['waiver_reason']}" if row["waiver_name"] else None,
            )
            for row in rows
        ],
    )  # fmt: skip
    return 0


def promote_version(uri: str, settings: Settings, given: dict[str, str]) -> int:
    """Let the gate judge a version, print what it found; 0 when the version is in use now."""
    text, waiver = given.get("VERSION", ""), given.get("WAIVER", "")
    if not (text.isascii() and text.isdigit()):
        raise ConfigError("name one version", stage="registry", key="VERSION", value=text,
                          remedy="take an id that make models lists: VERSION=3")  # fmt: skip
    if given.get("REASON") and not waiver:
        raise ConfigError("a reason belongs to a waiver", stage="registry", key="REASON", value=given["REASON"],
                          remedy='write WAIVER="A. Person" beside it')  # fmt: skip
    decision, checks = promote(
        uri, open_store(settings), int(text), by=getpass.getuser(),
        waiver=(waiver, given.get("REASON", "")) if waiver else None,
    )  # fmt: skip
    for check in checks:
        say(f"{'passed ' if check.passed else 'REFUSED'} {check.name}: {check.detail}")
    say(f"version {text} {decision}" + (f" by {waiver}: {given['REASON']}" if decision == "waived" else ""))
    return 0 if decision != "refused" else 1


def go_back(uri: str, settings: Settings, given: dict[str, str]) -> int:
    """Put the version that was in use before into use again."""
    family = given.get("MODEL", "")
    family_class(family)
    version = roll_back(
        uri, open_store(settings), family, by=getpass.getuser(), reason=given.get("REASON", "")
    )
    say(f"version {version['version']} of {family} (VERSION={version['id']}) is in use again")
    return 0


def main() -> int:
    """Take the command named by the first argument."""
    settings, given = load_settings(), {k: v for k, v in given_values(names=NAMES).items() if v}
    home = Home(settings.almanac_home)
    commands: dict[str, Any] = {"promote": promote_version, "rollback": go_back}
    if sys.argv[1] == "models":
        return list_models(home.uri("quant_reader"))
    done: int = commands[sys.argv[1]](home.uri("quant_trainer"), settings, given)
    return done


def _shown(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


if __name__ == "__main__":
    ends(main)
