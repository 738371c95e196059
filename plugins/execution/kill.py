"""`make kill REASON=... [ACCOUNT=]`: latch the kill switch, and cancel what is out, at a real broker too."""

from __future__ import annotations

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import given_values, home_path, load_settings
from data_layer.storage.database import transaction
from data_layer.storage.kill_switch import latch, latch_all
from plugins.execution.broker import with_home_keys
from plugins.execution.cancelling import cancel_at_broker


def main() -> int:
    """Latch in this home's database, one account or all of them; then ask the broker, which may take its time."""
    given, home = given_values(names=("REASON", "ACCOUNT")), Home(home_path())
    uri, account = home.uri("quant_writer"), given.get("ACCOUNT", "")
    with transaction(uri) as connection:
        reason = given.get("REASON", "")
        cancelled = {account: latch(connection, account, reason)} if account else latch_all(connection, reason)
    for name, number in cancelled.items():
        say(f"{name}: kill switch latched, {number} open orders cancelled; exits rest on")
    # Whatever is wrong with settings or broker from here on, nothing is ordered any more.
    asked = cancel_at_broker(uri, list(cancelled), lambda: with_home_keys(load_settings(), home))
    for state, number in sorted(asked.items()):
        say(f"at the broker: {state} {number}")
    return 0


if __name__ == "__main__":
    ends(main)
