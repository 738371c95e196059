"""Templates, and what every page shows around its content."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from plugins.web.around import NOTHING
from plugins.web.files import address

TABS = (
    ("overview", "Overview"),
    ("strategies", "Strategies"),
    ("assessment", "Assessment"),
    ("data", "Data"),
    ("models", "Models"),
    ("orders", "Orders"),
    ("risk", "Risk"),
    ("costs", "Costs"),
)
# How columns of numbers are written: their decimals; measured ones that are whole have none, exact ones those they
# are stored with. Each number leads to the rows behind it, or stands in one of them.
FIGURES = {"number": 3, "measured": 3, "percent": 2, "count": 0, "price": 2, "bps": 1, "exact": 17}
# A figure inside a sentence; no part of a name, a date or a time.
FIGURE = re.compile(r"(?<![\w.,:/-])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?: ?%)?(?!\w|[-.,:/]\w)")
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def wants_json(request: Request) -> bool:
    """Return whether the caller is a program: it asked below /api or takes no pages."""
    return route_path(request).startswith("/api/") or "text/html" not in request.headers.get("accept", "*/*")


def route_path(request: Request) -> str:
    """Return the path below /almanac as the router sees it; never from the URL, which a Host header can bend."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """Return a template as a page.

    Args:
        request: whose path says which tab is lit.
        name: file in templates/.
        status: HTTP status.
        values: what the template names; a name it lacks is an error, never a blank.
    """
    prefix = request.scope.get("root_path", "")
    lit = route_path(request).strip("/").split("/")[0] or "overview"
    around = getattr(request.state, "around", NOTHING)
    body = templates.get_template(name).render(prefix=prefix, tabs=TABS, lit=lit, around=around, **values)
    return HTMLResponse(body, status_code=status)


def columns(found: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return rows as one list per column, as charts take them."""
    return {name: [r[name] for r in found] for name in found[0]} if found else {}


def thinned(values: Sequence[float | None]) -> list[float | None]:
    """Return numbers with the six digits that a chart can show: a third of the bytes."""
    return [None if v is None else float(f"{v:.6g}") for v in values]


def table_csv(name: str, rows: Iterable[Mapping[str, Any]]) -> Response:
    """Return rows as a CSV file whose cells no spreadsheet takes for a formula."""
    text = io.StringIO()
    writer: Any = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, fieldnames=list(row))
            writer.writeheader()
        writer.writerow({key: _cell(value) for key, value in row.items()})
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return PlainTextResponse(text.getvalue(), media_type="text/csv", headers=headers)


def _cell(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        value = json.dumps(value, default=str)
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _number(value: Any, digits: int = 2, unit: str = "") -> str:
    """Write a number with thousands separated; a dash for none, so that no blank passes for zero."""
    return "–" if value is None else f"{round(value, digits) + 0:,.{digits}f}{unit}"  # + 0: there is no -0.0 to people


def _percent(value: Any, digits: int = 2) -> str:
    return "–" if value is None else _number(float(value) * 100, digits, "%")


def _moment(value: dt.datetime | None) -> str:
    return "–" if value is None else value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def _data(value: Any) -> str:
    """Write JSON that can stand inside a script element: no tag ends it."""
    return json.dumps(value, default=_plain, allow_nan=False).replace("<", "\\u003c").replace("&", "\\u0026")


def cells(
    line: Mapping[str, Any], keys: Sequence[str], kinds: Mapping[str, str], to: str | Mapping[str, str]
) -> Iterator[tuple[str, str, str | None, str, bool]]:
    """Yield a row's cells: key, kind, a figure's text, where it leads, and whether another of the row leads there too.

    Args:
        line: the row.
        keys: its columns, in order.
        kinds: how each is written, text when left out; one that is no figure has no text yet.
        to: paths with {column} where the row's own value stands; by column, "" for all others. A figure without a
            value leads nowhere.
    """
    ways = {"": to} if isinstance(to, str) else to
    filled: dict[str, str] = {}
    for key in keys:
        kind, value = kinds.get(key, "text"), line[key]
        if kind not in FIGURES:
            yield key, kind, None, "", False
            continue
        pattern = ways.get(key, ways.get("", "")) if value is not None else ""
        again = pattern in filled
        if not again:
            filled[pattern] = fill(pattern, line)
        yield key, kind, _written(value, kind), filled[pattern], again


def _written(value: Any, kind: str) -> str:
    if kind == "percent":
        return _percent(value)
    if kind == "exact":
        return "–" if value is None else str(value)
    if kind == "measured" and value and abs(value) < 0.5 * 10 ** -FIGURES[kind]:
        return f"{value:.1g}"  # a share of a day's volume, say: three decimals would call it nothing
    return _number(value, FIGURES[kind] if kind != "measured" or value is None or value % 1 else 0)


def fill(pattern: str, line: Mapping[str, Any]) -> str:
    """Return a path with a row's values, quoted; empty where it lacks one: such a path leads nowhere."""
    names = re.findall(r"\{(\w+)\}", pattern)
    if any(line[name] is None for name in names):
        return ""
    return re.sub(r"\{(\w+)\}", lambda found: quote(str(line[found[1]]), safe=""), pattern)


def _linked(text: str, href: str) -> Markup:
    """Write a sentence whose figures lead to the rows behind them; of several, the keyboard stops at the first."""
    parts, end = [], 0
    for found in FIGURE.finditer(text):
        stop = Markup(' tabindex="-1"') if end else ""
        way = Markup('<a class="figure" href="{}"{}>{}</a>').format(href, stop, found[0])
        parts += [escape(text[end : found.start()]), way]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])


def newest(title: str, found: Sequence[Any], most: int, which: str = "newest") -> str:
    """Return a heading that says how many, and which, are shown where there may be more."""
    return f"{title}, {which} {most:,}" if len(found) >= most else title


def natural(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return entries by name, numbers in it by their size: ma5 before ma10."""

    def order(entry: tuple[str, Any]) -> list[str | int]:
        return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", entry[0])]

    return sorted(values.items(), key=order)


templates.globals.update(file=address, figures=FIGURES)
templates.filters.update(number=_number, percent=_percent, moment=_moment, data=_data, cells=cells)
templates.filters.update(linked=_linked, newest=newest, natural=natural)
