"""What every page shows around its content: which account is looked at, whether bars are made up, a latched switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Query, Request

from plugins.web.reading import row, rows

ACCOUNT_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,30}$"


@dataclass(frozen=True)
class Around:
    """The account looked at, and what there is beside it.

    account: id, empty before there is one; named: the reader chose it; accounts: all, the one traded first; others:
    what else the page's address asks for.
    """

    account: str
    named: bool
    accounts: Sequence[Mapping[str, Any]]
    is_synthetic: bool
    others: Sequence[tuple[str, str]] = ()

    @property
    def latched(self) -> list[Mapping[str, Any]]:
        """Accounts still traded whose kill switch is thrown."""
        return [a for a in self.accounts if a["latched"] and a["closed_at"] is None]

    def query(self, **values: Any) -> str:
        """Return a query that keeps the account the reader chose; values that are empty are left out."""
        kept = {"account": self.account if self.named else None, **values}
        found = urlencode({name: value for name, value in kept.items() if value not in (None, "")})
        return f"?{found}" if found else ""

    def way(self, path: str) -> str:
        """Return a path, with a query or without, that keeps the account the reader chose."""
        if not self.named:
            return path
        path, mark, place = path.partition("#")
        return f"{path}{'&' if '?' in path else '?'}account={self.account}{mark}{place}"


NOTHING = Around("", False, (), False)


def choose_account(
    account: Annotated[
        str | None, Query(pattern=ACCOUNT_PATTERN, description="Account; the one traded when left out")
    ] = None,
) -> str:
    """Return the account that is asked for, the one that is traded when none is; empty before there is any.

    Raises:
        HTTPException: 404 for an account there is not.
    """
    return _chosen(rows("pages/select_accounts"), account)


def look_around(
    request: Request, account: Annotated[str | None, Query(pattern=ACCOUNT_PATTERN)] = None
) -> Around:
    """Read it, and leave it where the page's frame finds it."""
    accounts = rows("pages/select_accounts")
    origin = row("pages/select_is_synthetic")
    # Another account has other pages of rows: it begins with the first.
    others = [(name, value) for name, value in request.query_params.multi_items() if name not in ("account", "page")]
    around = Around(
        _chosen(accounts, account), account is not None, accounts, bool(origin and origin["is_synthetic"]), others
    )
    request.state.around = around
    return around


def _chosen(accounts: Sequence[Mapping[str, Any]], asked: str | None) -> str:
    if asked is None:
        return str(accounts[0]["id"]) if accounts else ""
    if all(a["id"] != asked for a in accounts):
        raise HTTPException(404, f"no account {asked}")
    return asked


Surroundings = Annotated[Around, Depends(look_around)]
Account = Annotated[str, Depends(choose_account)]
