"""Charts in a browser: drawn from what stands in the page, and a broken one says so and leaves the others."""

from __future__ import annotations

import re

import pytest

from plugins.web.files import FOLDERS
from tests.support.browser import chromium, drawn, severe
from tests.support.charted import accounts_page, part_pages, served, strategy_page

SESSIONS = 5_400
GENEROUS = 10_000  # ms, of a machine that does other things as well; `make bench ONLY=chart_drawing` measures
PATIENCE = 60


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def address():
    whole = strategy_page(SESSIONS)
    broken = re.sub(r'(data-kind="sharpe" data-from=")curves"', r'\1parameters"', whole)
    assert broken != whole
    pages = {"/": whole, "/broken": broken, "/accounts": accounts_page(SESSIONS), **part_pages()}
    with served(pages) as at:
        yield at


def wait_drawn(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, PATIENCE).until(drawn)


def test_charts_of_5400_sessions_have_their_data(browser, address):
    browser.get(address)
    took = wait_drawn(browser)
    print({name: round(ms) for name, ms in took.items()})
    assert set(took) == {"growth", "fall", "sharpe", "volatility", "beta", "returns", "exposure", "turnover"}
    assert max(took.values()) < GENEROUS
    lines = "return document.getElementById(arguments[0]).data.map(t => t.y.filter(v => v !== null).length)"
    assert browser.execute_script(lines, "growth") == [SESSIONS, SESSIONS]
    assert browser.execute_script(lines, "sharpe") == [SESSIONS - 125]
    assert browser.execute_script(lines, "fall") == [SESSIONS]
    assert sum(browser.execute_script("return document.getElementById('returns').data[0].y")) == SESSIONS
    assert not severe(browser)


def test_every_chart_there_is_has_its_data_at_5400_sessions(browser, address):
    """Those of the strategy's page and the others together: a new kind must be measured too."""
    browser.get(f"{address}/accounts")
    took = wait_drawn(browser)
    assert set(took) == {"equity", "risk", "coverage", "account"} and max(took.values()) < GENEROUS
    lines = "return document.getElementById(arguments[0]).data.map(t => t.y.length)"
    assert browser.execute_script(lines, "equity") == [SESSIONS] * 2
    assert browser.execute_script(lines, "risk") == [SESSIONS] * 3
    assert browser.execute_script(lines, "coverage") == [SESSIONS]
    trades = browser.execute_script(lines, "account")
    assert trades[0] == trades[-1] == SESSIONS and min(trades) > 100
    script = (FOLDERS["static"] / "charts.js").read_text()
    kinds = script[script.index("const kinds = {") : script.index("const said")]
    named = set(re.findall(r"^    (\w+): \(data\)", kinds, re.M))
    shown = {*took, *re.findall(r'data-kind="(\w+)"', strategy_page(200))}
    assert len(named) > 10 and shown == named
    assert not severe(browser)


def test_a_chart_that_cannot_be_drawn_says_so_and_the_others_stand(browser, address):
    browser.get(f"{address}/broken")
    wait_drawn(browser)
    assert "could not be drawn" in browser.find_element("id", "sharpe").text
    assert len(browser.find_elements("css selector", "#growth .scatterlayer path.js-line")) == 2
    assert len(browser.find_elements("css selector", "#beta .scatterlayer path.js-line")) == 1


def test_the_page_is_reached_by_keyboard(browser, address):
    from selenium.webdriver.common.keys import Keys

    browser.get(address)
    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to content"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "content"
    shown = "return getComputedStyle(document.activeElement).outlineStyle"
    seen = set()
    for _ in range(12):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        if active.tag_name == "body":
            break
        assert browser.execute_script(shown) == "solid", active.get_attribute("outerHTML")
        seen.add(active.text)
    assert any("CSV" in text for text in seen)


def test_a_part_comes_later_with_its_chart_and_table(browser, address):
    browser.get(f"{address}/account")
    wait_drawn(browser)
    marks = "return document.getElementById('account').data.map(t => [t.name, t.y.length])"
    expected = [["IBM", 4], ["With a profit", 3], ["With a profit", 1], ["Equity", 4]]  # to where it left, and in
    assert browser.execute_script(marks) == expected
    assert browser.find_element("css selector", ".part .tools button").text == "CSV"
    assert not severe(browser)


def test_a_part_that_does_not_come_says_so(browser, address):
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{address}/lost")
    part = browser.find_element("css selector", ".part")
    WebDriverWait(browser, PATIENCE).until(lambda _: part.get_attribute("data-filled"))
    assert part.text == "Not Found"
    assert "Running" not in browser.find_element("tag name", "main").text
