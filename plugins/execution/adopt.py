"""`make adopt`: take over what the paper account at the broker holds, once; its books begin with it."""

from __future__ import annotations

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import load_settings
from data_layer.storage.database import transaction
from models.errors import ConfigError
from plugins.execution.broker import open_broker, with_home_keys
from plugins.execution.opening import STAGE, open_account
from plugins.stages.runs import completed_sessions


def main() -> int:
    """Adopt in this home's database, as of the last session that risk_execution has completed."""
    settings = load_settings()
    home = Home(settings.almanac_home)
    broker = open_broker(with_home_keys(settings, home))
    if broker is None:
        raise ConfigError(
            "the simulated broker has nothing to adopt", stage="adopt", key="BROKER", value=settings.broker.wanted,
            remedy="set BROKER=alpaca, its paper keys and ALPACA_ACCOUNT_ID",
        )  # fmt: skip
    uri = home.uri("quant_writer")
    with transaction(uri) as connection:
        done = completed_sessions(connection, STAGE)
    if not done:
        raise ConfigError("no session is completed yet", stage="adopt", key="session", value="(none)",
                          remedy="run `make run` once with the simulated broker")  # fmt: skip
    opened = open_account(uri, broker, max(done), adopt=True)
    say(f"account {opened.broker_account} adopted as {opened.account} after {opened.session}")
    return 0


if __name__ == "__main__":
    ends(main)
