"""Every number leads to the rows behind it: a walk over all pages from the first one, link by link."""

from __future__ import annotations

import re
from collections import deque
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import psycopg
import pytest
from jinja2 import nodes

from plugins.web.rendering import FIGURE, FIGURES, templates

# What a walk from the overview must have come past, by the route's own path.
PASSED = {
    "/", "/strategies", "/strategies/{name}", "/strategies/{name}/trades", "/strategies/{name}/sessions.csv",
    "/assessment", "/assessment/cell", "/assessment/account", "/assessment/account/part", "/data", "/data/coverage.csv",
    "/data/restatements/{batch}", "/data/restatements/{batch}/touched", "/models", "/orders", "/models/{number}",
    "/orders.csv", "/orders/{client_order_id}", "/risk", "/risk/sessions.csv", "/costs", "/costs.csv", "/rows/stage",
    "/rows/stage.csv", "/rows/account", "/rows/symbol", "/rows/batch", "/rows/checks", "/rows/limit",
    "/rows/benchmark.csv", "/rows/quarantine", "/assessment/scenarios.csv", "/assessment/returns.csv",
}  # fmt: skip


# What holds sentences, and what in them is none or is looked at by itself.
SENTENCES = {"p", "li", "ol", "ul"}
UNSAID = {"a", "button", "code", "dl", "h2", "label", "script", "summary", "table"}


class Page(HTMLParser):
    """What a walk needs of a page.

    figures: (text, link, table): cells of numbers, the link each is or holds, and the database's table that each row of
    the cell's table is one of; those that people set are left out. said: figures of sentences that lead nowhere.
    links, ids: of the whole page.
    """

    def __init__(self, text: str):
        super().__init__()
        self.figures: list[tuple[str, str, str]] = []
        self.said: list[str] = []
        self.links: list[str] = []
        self.sentence: list[bool] = []  # of each sentence around: whether people set what it says
        self.within = 0
        self.ids: set[str] = set()
        self.around: list[dict[str, str | None]] = []
        self.cell: list[str] | None = None
        self.link = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        own = dict(attributes)
        self.ids.update(filter(None, [own.get("id")]))
        self.links += filter(None, [own.get("href") if tag == "a" else None, own.get("data-part")])
        classes = (own.get("class") or "").split()
        if tag in {"table", "dl"}:
            self.around.append({**own, "figures": str("figures" in classes or "measures" in classes)})
        if (tag == "td" and "number" in classes) or (tag == "dd" and self.around[-1]["figures"] == "True"):
            self.cell, self.link = [], ""
        if tag == "a" and self.cell is not None:
            self.link = own.get("href") or ""
        if tag in SENTENCES:
            self.sentence.append("data-given" in own or any(self.sentence))
        self.within += tag in UNSAID

    def handle_data(self, data):
        if self.cell is not None:
            self.cell.append(data)
        elif self.sentence and not any(self.sentence) and not self.within:
            self.said += FIGURE.findall(data)

    def handle_endtag(self, tag):
        if tag in {"td", "dd"} and self.cell is not None:
            text = "".join(self.cell).strip()
            if re.search(r"\d", text) and "data-given" not in self.around[-1]:
                self.figures.append((text, self.link, self.around[-1].get("data-rows") or ""))
            self.cell = None
        if tag in {"table", "dl"}:
            self.around.pop()
        if tag in SENTENCES and self.sentence:
            self.sentence.pop()
        self.within -= tag in UNSAID

    @property
    def astray(self) -> list[str]:
        """Figures that neither lead anywhere nor stand in a stored row, and places on this page that are not there."""
        lost = [text for text, link, table in self.figures if not link and not table]
        return lost + self.said + [link for link in self.links if link.startswith("#") and link[1:] not in self.ids]


def shape(app, path: str) -> tuple[str, ...]:
    """Which route a path takes, with the names of its parameters: one walk along each is enough."""
    scope = {"type": "http", "path": urlsplit(path).path, "method": "GET", "headers": []}
    found = next((r for r in app.routes if r.matches(scope)[0].value == 2), None)
    return getattr(found, "path", "?"), *sorted(name for name, _ in parse_qsl(urlsplit(path).query))


def test_every_figure_of_every_page_leads_to_rows_that_are_there(app, as_role, over, furnished):
    over(furnished)
    client = as_role("viewer")
    with psycopg.connect(furnished.reader) as connection:
        tables = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables")}
    waiting, walked, wrong, figures = deque(["/"]), {("/",): set()}, {}, 0
    while waiting:
        path = waiting.popleft()
        answer = client.get(path)
        if answer.status_code != 200:
            wrong[path] = answer.status_code
            continue
        if "text/html" not in answer.headers["content-type"]:
            continue
        page = Page(answer.text)
        figures += len(page.figures)
        if page.astray or {table for *_, table in page.figures if table} - tables:
            wrong[path] = page.astray or "a table that is none"
        if (place := urlsplit(path).fragment) and place not in page.ids:
            wrong[path] = f"no #{place}"
        for link in page.links:
            target = urljoin(path, link)
            if link.startswith("#") or not target.startswith("/"):
                continue
            seen = walked.setdefault((*shape(app, target), urlsplit(target).fragment), set())
            if len(seen) < 2 and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert not wrong
    assert {key[0] for key in walked} >= PASSED, PASSED - {key[0] for key in walked}
    assert figures > 3000


def test_each_kind_of_table_says_where_its_figures_lead():
    """Those as well that have no row here: trained models, approvals, disagreements."""
    listings = 0
    for name in templates.list_templates():
        tree = templates.parse(templates.loader.get_source(templates, name)[0])
        for call in tree.find_all(nodes.Call):
            if getattr(call.node, "name", "") != "listing":
                continue
            listings += 1
            kinds = {n.value for n in call.find_all(nodes.Const)} & set(FIGURES)
            ways = {k.key for k in call.kwargs} & {"to", "table"}
            assert ways or not kinds, f"{name}: {call.args[0]}"
    assert listings > 35


@pytest.mark.parametrize(
    ("cell", "astray"),
    [
        ("<table><td class=number>5</td></table>", ["5"]),
        ("<table><td class=number><a href=/x>5</a></td></table>", []),
        ("<table data-rows=fills><td class=number>5</td></table>", []),
        ("<table data-given><td class=number>5</td></table>", []),
        ("<table><td class=number>–</td><td>5</td></table>", []),
        ("<dl class=figures><dt>n</dt><dd>5</dd></dl>", ["5"]),
        ("<dl class=figures><dt>n</dt><dd><a href=#x>5</a></dd></dl>", ["#x"]),
        ("<p>5 of <a href=/x>7</a> on 2005-12-30, held till 12:30</p>", ["5"]),
        ("<ul><li>Sharpe ratio -0.5, 95 % sure</li></ul>", ["-0.5", "95 %"]),
        ("<p data-given>newest 5</p><p>alpha158 of <code>run 5</code></p>", []),
        ("<p id=x></p><dl class=figures><dt>n</dt><dd><a href=#x>5</a></dd></dl>", []),
    ],
)
def test_a_figure_that_leads_nowhere_is_found(cell, astray):
    assert Page(cell).astray == astray
