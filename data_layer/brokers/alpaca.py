"""Alpaca's paper account, through alpaca-py; see alpaca_client for what keeps real money out."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import requests

from data_layer.brokers.alpaca_client import PaperClient
from data_layer.brokers.alpaca_words import (
    activity_of,
    amount_of,
    execution_of,
    instant_of,
    positions_of,
    report_of,
    request_of,
)
from data_layer.brokers.base import (
    Broker,
    CashActivity,
    Execution,
    Holdings,
    NoAnswerError,
    NotSentError,
    OrderReport,
)
from data_layer.sources.calls import TRANSPORT_ERRORS, Answer
from models.errors import AlmanacError, BlockedError, ConfigError, RetryableError
from models.records import Order

PAGE = 100  # activities a page, the interface's own limit
MOST_PAGES = 1_000
MOST_OPEN = 500  # orders a listing, the interface's own limit
PAPER_NUMBER = "PA"  # what account numbers of paper accounts begin with


class AlpacaBroker(Broker):
    """One paper account.

    Args:
        client: guarded, see PaperClient.
        account_id: the id or number of the one account that orders may go to.
    """

    name = "alpaca"

    def __init__(self, client: PaperClient, account_id: str):
        self._client, self._account = client, account_id

    def prove(self) -> str:
        """See Broker: a paper number, the pinned account, and open for trading."""
        row = self._read("account", lambda: self._client.get("/account", {}))
        number, found = str(row.get("account_number")), {str(row.get("id")), str(row.get("account_number"))}
        problem = ""
        if not number.startswith(PAPER_NUMBER):
            problem = f"account {number[:2]}... is not a paper account"
        elif not self._account or self._account not in found:
            problem = f"account {number} is not the pinned one"
        elif row.get("status") != "ACTIVE" or row.get("trading_blocked") or row.get("account_blocked"):
            problem = f"account {number} may not trade now: {row.get('status')}"
        if problem:
            raise BlockedError(problem, stage="brokers", key="ALPACA_ACCOUNT_ID", value=self._account,
                               remedy="nothing was sent; check the keys and the pinned id")  # fmt: skip
        return number

    def submit(self, order: Order) -> OrderReport:
        """See Broker."""
        request = request_of(order)
        try:
            answer = self._client.submit(request)
        except (requests.ConnectTimeout, requests.exceptions.InvalidURL) as error:
            raise _not_sent(order, error) from None
        except TRANSPORT_ERRORS as error:
            if _never_connected(error):
                raise _not_sent(order, error) from None
            raise _no_answer(order, f"{type(error).__name__}") from None
        if answer.status == 429:
            raise _not_sent(order, "HTTP 429")
        if answer.status in {401, 404, 405} or 300 <= answer.status < 400:
            raise ConfigError(f"Alpaca refuses: HTTP {answer.status}", stage="submit_orders", key="order",
                              value=order.client_order_id, remedy="check ALPACA_PAPER_KEY and its secret")  # fmt: skip
        words = _words(answer)
        if answer.status in {400, 403, 422} and "client_order_id" not in words:
            return OrderReport(order.client_order_id, "", order.symbol, order.side, order.quantity,
                               order.order_type, "rejected", reason=f"HTTP {answer.status}: {words}")  # fmt: skip
        if answer.status not in {200, 201}:
            raise _no_answer(order, f"HTTP {answer.status}: {words}")
        try:
            return report_of(json.loads(answer.data))
        except (ValueError, RetryableError) as error:
            raise _no_answer(order, f"an answer nobody can read: {type(error).__name__}") from None

    def clock(self) -> dt.datetime:
        """See Broker."""
        return instant_of(self._read("clock", lambda: self._client.get("/clock", {})), "timestamp")

    def find(self, client_order_id: str) -> OrderReport | None:
        """See Broker."""
        row = self._read("order", lambda: self._client.by_name(client_order_id), absent=True)
        return None if row is None else report_of(row)

    def look_up(self, broker_order_id: str) -> OrderReport | None:
        """See Broker."""
        row = self._read("order", lambda: self._client.get(f"/orders/{broker_order_id}", {}), absent=True)
        return None if row is None else report_of(row)

    def cancel(self, report: OrderReport) -> None:
        """See Broker."""
        try:
            answer = self._client.cancel(report.broker_order_id)
        except TRANSPORT_ERRORS as error:
            raise NoAnswerError("nobody knows whether the cancellation arrived", stage="brokers", key="order",
                           value=report.client_order_id, remedy="look it up") from error  # fmt: skip
        if answer.status not in {200, 204, 404, 422}:  # 422: it has ended already
            raise NoAnswerError(f"HTTP {answer.status} to a cancellation", stage="brokers", key="order",
                           value=report.client_order_id, remedy="look it up")  # fmt: skip

    def open_orders(self) -> tuple[OrderReport, ...]:
        """See Broker."""
        asked = {"status": "open", "limit": MOST_OPEN, "nested": "true"}
        rows = self._read("open orders", lambda: self._client.get("/orders", asked))
        found = [report_of(row) for row in rows]
        if len(found) >= MOST_OPEN:
            raise BlockedError("more open orders than one listing holds", stage="brokers", key="orders",
                               value=len(found), remedy="cancel some at the broker")  # fmt: skip
        return (*found, *(leg for parent in found for leg in parent.legs))

    def executions(self, since: dt.date) -> tuple[Execution, ...]:
        """See Broker."""
        return tuple(execution_of(row) for row in self._activities("FILL", since))

    def cash_activities(self, since: dt.date) -> tuple[CashActivity, ...]:
        """See Broker."""
        return tuple(activity_of(row) for row in self._activities("DIV,INT,FEE,CSD,CSW,JNLC", since))

    def holdings(self) -> Holdings:
        """See Broker."""
        account = self._read("account", lambda: self._client.get("/account", {}))
        rows = self._read("positions", lambda: self._client.get("/positions", {}))
        return Holdings(str(account.get("account_number")), amount_of(account, "cash"), positions_of(rows, "qty"),
                        positions_of(rows, "avg_entry_price"))  # fmt: skip

    def _activities(self, kinds: str, since: dt.date) -> Iterator[Any]:
        """Yield activities page by page, oldest first, each once."""
        seen: set[str] = set()
        token: str | None = None
        for _ in range(MOST_PAGES):
            # "after" leaves out the day itself.
            asked = {
                "activity_types": kinds, "after": str(since - dt.timedelta(days=1)), "direction": "asc",
                "page_size": PAGE, **({"page_token": token} if token else {}),
            }  # fmt: skip
            rows = self._read("activities", partial(self._client.get, "/account/activities", asked))
            if not isinstance(rows, list):
                raise _unread("activities", rows)
            fresh = [row for row in rows if isinstance(row, dict) and row.get("id") not in seen]
            yield from fresh
            if len(rows) < PAGE:
                return
            if not fresh:
                raise _unread("activities", "pages that go in a circle")
            seen |= {row["id"] for row in fresh}
            token = fresh[-1]["id"]
        raise _unread("activities", f"more than {MOST_PAGES} pages")

    def _read(self, what: str, ask: Callable[[], Answer], absent: bool = False) -> Any:
        try:
            answer = ask()
        except TRANSPORT_ERRORS as error:
            raise _unread(what, type(error).__name__) from None
        if absent and answer.status == 404:
            return None
        if answer.status in {401, 403}:
            raise ConfigError(f"Alpaca refuses: HTTP {answer.status}", stage="brokers", key="asked for", value=what,
                              remedy="check ALPACA_PAPER_KEY and its secret")  # fmt: skip
        if answer.status != 200:
            raise _unread(what, f"HTTP {answer.status}")
        try:
            return json.loads(answer.data)
        except (ValueError, RecursionError):
            raise _unread(what, "not JSON") from None


def _words(answer: Answer) -> str:
    try:
        return str(json.loads(answer.data)["message"])[:200]
    except (ValueError, KeyError, TypeError, RecursionError):
        return " ".join(answer.data[:80].decode("utf-8", "replace").split())


def _never_connected(error: BaseException) -> bool:
    """Whether no connection came about, so that nothing can have arrived."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in {"NewConnectionError", "ConnectTimeoutError", "NameResolutionError"}


def _no_answer(order: Order, trouble: str) -> AlmanacError:
    return NoAnswerError(f"nobody knows what became of the order: {trouble}", stage="submit_orders",
                    key="client_order_id", value=order.client_order_id, remedy="it is looked up")  # fmt: skip


def _not_sent(order: Order, trouble: object) -> AlmanacError:
    return NotSentError(f"the order was not taken: {trouble}"[:300], stage="submit_orders", key="client_order_id",
                   value=order.client_order_id, remedy="the next run sends it")  # fmt: skip


def _unread(what: str, trouble: object) -> RetryableError:
    return RetryableError(f"no usable answer of Alpaca: {trouble}"[:300], stage="brokers", key="asked for",
                          value=what, remedy="it is asked again later")  # fmt: skip
