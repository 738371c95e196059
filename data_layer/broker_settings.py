"""What a user can set about the broker. Read by settings.py only. Nothing here can name a live account.

`BROKER=alpaca` together with the keys and the id of a paper account makes orders go to Alpaca's paper interface.
Without any of them orders go to the simulated broker; some of them without the others are an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from models.errors import ConfigError

PAPER = "https://paper-api.alpaca.markets"
BROKERS = ("simulated", "alpaca")
# Read afresh each time: a key has no place in a home's file, and another address is for one run.
VARIABLES = (
    "ALPACA_PAPER_KEY", "ALPACA_PAPER_SECRET", "ALPACA_ACCOUNT_ID", "ALPACA_PAPER_URL", "ORDER_APPROVERS",
    "ORDER_HINT_KEY", "ORDER_HINT_OLD_KEY",
)  # fmt: skip
CONNECTION = "alpaca_paper"  # of Airflow, for who keeps the keys there
KEYS = {"ALPACA_PAPER_KEY": "login", "ALPACA_PAPER_SECRET": "password"}  # its fields  # nosec B105


@dataclass(frozen=True)
class BrokerSettings:
    """Values by name; a key never shows when this is printed."""

    wanted: str = "simulated"
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    account_id: str = ""  # the one account orders may go to
    address: str = PAPER
    approvers: tuple[str, ...] = ()  # Airflow users who may approve; none: every user with the right to
    hint_keys: tuple[str, ...] = field(default=(), repr=False)  # of the webhook: in force, and the one before

    @property
    def missing(self) -> tuple[str, ...]:
        """Variables that the wanted broker lacks."""
        if self.wanted == "simulated":
            return ()
        held = {
            "ALPACA_PAPER_KEY": self.key,
            "ALPACA_PAPER_SECRET": self.secret,
            "ALPACA_ACCOUNT_ID": self.account_id,
        }
        return tuple(name for name, value in held.items() if not value)

    @property
    def is_half(self) -> bool:
        """Whether some of what the wanted broker needs is there and some is not."""
        return bool(self.missing) and bool(self.key or self.secret or self.account_id)

    @property
    def name(self) -> str:
        """The broker that orders go to: the wanted one when nothing is missing, else the simulated one."""
        return "simulated" if self.missing else self.wanted


def parse_broker(text: Callable[[str], str]) -> BrokerSettings:
    """Return the broker's settings.

    Args:
        text: returns a variable's text, empty when it is not set.

    Raises:
        ConfigError: names the variable; the value too unless it is a key.
    """
    wanted = text("BROKER") or "simulated"
    if wanted not in BROKERS:
        raise ConfigError("no such broker", stage="settings", key="BROKER", value=wanted,
                          remedy=f"set one of {', '.join(BROKERS)}")  # fmt: skip
    hints = [
        _word("ORDER_HINT_KEY", text("ORDER_HINT_KEY")),
        _word("ORDER_HINT_OLD_KEY", text("ORDER_HINT_OLD_KEY")),
    ]
    return BrokerSettings(
        wanted=wanted,
        key=_word("ALPACA_PAPER_KEY", text("ALPACA_PAPER_KEY")),
        secret=_word("ALPACA_PAPER_SECRET", text("ALPACA_PAPER_SECRET")),
        account_id=_word("ALPACA_ACCOUNT_ID", text("ALPACA_ACCOUNT_ID")),
        address=require_paper(text("ALPACA_PAPER_URL") or PAPER),
        approvers=tuple(text("ORDER_APPROVERS").replace(",", " ").split()),
        hint_keys=tuple(k for k in hints if k),
    )


def require_paper(address: str) -> str:
    """Return the address when it is Alpaca's paper interface, or a stub on this machine, letter by letter.

    Raises:
        ConfigError: for every other text; there is no setting that allows one.
    """
    if address == PAPER or re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]{0,4}", address, re.ASCII):
        return address
    raise ConfigError("not the paper trading address", stage="settings", key="ALPACA_PAPER_URL",
                      value=re.sub(r"//[^/]*@", "//(hidden)@", address), remedy=f"leave it out: {PAPER}")  # fmt: skip


def _word(name: str, text: str) -> str:
    # Anything else could end the header line that carries it.
    if text and not re.fullmatch(r"[A-Za-z0-9_\-+/=.]{1,200}", text, re.ASCII):
        raise ConfigError("not a key", stage="settings", key=name, value="(hidden)",
                          remedy="copy it again: letters, digits and _-+/=. without blanks or quotes")  # fmt: skip
    return text
