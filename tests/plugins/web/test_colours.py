"""Light and dark, as the system or Airflow has them: pages have other colours, and every word on them can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.backtest.tear_sheet import tear_sheet
from plugins.reports.sheet import render
from plugins.web.around import NOTHING
from plugins.web.rendering import TABS, templates
from tests.support.browser import chromium, drawn, severe
from tests.support.charted import assessment_page, part_pages, served, strategy_page

READABLE = 4.5  # contrast of text by WCAG 2, level AA
# What stands on pages that are not drawn here: rows by side and severity, notes, states, buttons.
WORDS = """{% extends "base.html" %}{% from "parts.html" import listing, press, figure with context %}
{% block content %}<p class="crumbs">a › b</p><dl class="figures">{{ figure("Equity", "5 USD", "#x") }}</dl>
{% for kind in ("", "warning", "danger", "good-note") %}<p class="note {{ kind }}">said</p>{% endfor %}
{% for kind in ("", "good", "bad") %}<span class="state {{ kind }}">state</span>{% endfor %}
{{ press("x", "Latch", {}, "Latch", true) }}<p class="quiet key"><span class="failed">failed</span></p>
{{ listing("sides", ["Side", "Share"], rows, ["side", "share"], {"side": "side", "share": "percent"}, to="/x") }}
<p class="said">wrong</p>{% endblock %}"""
SIDES = [{"side": side, "share": 0.5} for side in ("long", "short", "flat", "info", "warning", "critical", "error")]
# Of every word that is shown: its contrast with what lies behind it. Colours are read from a pixel painted with them.
CONTRASTS = """
const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  pixel.clearRect(0, 0, 1, 1); pixel.fillStyle = colour; pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data];
};
const linear = (v) => v <= 10.02 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
const light = (colour) => colour.slice(0, 3).map(linear)
  .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const found = rgba(getComputedStyle(at).backgroundColor);
    if (found[3] > 250) return found;
  }
  return [255, 255, 255, 255];
};
const found = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const box = element.getBoundingClientRect();
  if (!own || !box.width || !box.height || element.closest("script, :disabled, .skip")) continue;
  const style = getComputedStyle(element);
  const [text, ground] = [rgba(element instanceof SVGElement ? style.fill : style.color), behind(element)].map(light);
  const what = `${element.tagName} ${element.getAttribute("class") || ""}: ${element.textContent.trim().slice(0, 30)}`;
  found.push([(Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05), what]);
}
return found;"""
COLOURS = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"


def sheet_page(sessions: int = 300) -> str:
    """Return a tear sheet's file, of made-up returns that rise and fall by a tenth in a month."""
    rng = np.random.default_rng(1)
    dates = np.array(pd.bdate_range("2004-01-02", periods=sessions), dtype="datetime64[D]")
    swing = 0.007 * np.sign(np.sin(np.arange(sessions) / 15)) + rng.normal(0, 0.003, sessions)
    sheet = tear_sheet(dates, swing, rng.normal(0, 0.01, sessions), 0.02)
    trades = [{"symbol": "IBM", "by": "sold", "shares": 5, "realized_usd": gain} for gain in (5.0, -5.0)]
    return render({
        **sheet, **{name: [0.5] * sessions for name in ("gross_exposure", "net_exposure", "turnover")},
        "subject": "account", "kind": "account", "about": {}, "warnings": ["bars are missing"], "parity": None,
        "costs": {"commission_usd": 5.0},
        "trades": {"fills": 2, "winners": [], "losers": [], "best": trades[:1], "worst": trades[1:], "newest": trades},
    })  # fmt: skip


@pytest.fixture(scope="module")
def pages():
    words = templates.from_string(WORDS).render(prefix="", tabs=TABS, lit="", around=NOTHING, rows=SIDES)
    medians = {"alpha": {"Crash": -0.5, "Rally": 0.5}, "beta": {"Crash": -0.03, "Rally": 0.2}}
    made = {
        "/": words, "/strategy": strategy_page(300), "/assessment": assessment_page(medians), "/sheet": sheet_page(),
        **part_pages(),
    }  # fmt: skip
    with served(made) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def show(browser: Any, page: str, system: str, airflow: str = "") -> list[str]:
    """Open a page with the system's colours and Airflow's choice; returns those of the ground and the text."""
    from selenium.webdriver.support.ui import WebDriverWait

    features = [{"name": "prefers-color-scheme", "value": system}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    if not browser.current_url.startswith(page[: page.index("/", 8)]):
        browser.get(page)
    choice = f"localStorage.theme = '{airflow}'" if airflow else "localStorage.removeItem('theme')"
    browser.execute_script(choice)
    browser.get(page)
    if browser.find_elements("css selector", ".chart, .part"):
        WebDriverWait(browser, 60).until(drawn)
    return browser.execute_script(COLOURS)


@pytest.mark.parametrize("path", ["/", "/strategy", "/assessment", "/account", "/sheet"])
def test_every_word_can_be_read_in_light_and_in_dark(browser, pages, path):
    seen = {}
    for system in ("light", "dark"):
        seen[system] = show(browser, f"{pages}{path}", system)
        found = browser.execute_script(CONTRASTS)
        assert len(found) > 15
        faint = sorted({(round(ratio, 2), what) for ratio, what in found if ratio < READABLE})
        assert not faint, (system, faint[:10])
    assert seen["light"][0] != seen["dark"][0] and seen["light"][1] != seen["dark"][1]
    assert not [line for line in severe(browser) if "favicon" not in line]  # a file names no icon


def test_airflows_own_choice_goes_before_the_systems(browser, pages):
    light, dark = (show(browser, f"{pages}/", system) for system in ("light", "dark"))
    assert light != dark
    assert show(browser, f"{pages}/", "dark", "light") == light
    assert show(browser, f"{pages}/", "light", "dark") == dark
    assert show(browser, f"{pages}/", "light", "system") == light
