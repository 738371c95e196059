"""Tables in a browser: sorted as numbers, filtered, in pages, and saved as people and spreadsheets read them.

Those whose cells are coloured are tables like the others.
"""

from __future__ import annotations

import csv
import io

import pytest

from plugins.web.around import NOTHING
from plugins.web.rendering import TABS, templates
from tests.support.browser import chromium, severe
from tests.support.charted import assessment_page, served, strategy_page

PAGE = """{% extends "base.html" %}{% from "parts.html" import listing with context %}
{% block content %}{{ listing("gains", ["Name", "Gain", "Worth"], rows, ["name", "gain", "worth"],
  {"gain": "percent", "worth": "price"}, of=1234) }}{% endblock %}"""
# Sixty gains from -30 % to 29 %, one that is not known, and names that a spreadsheet would take for formulas.
ROWS = [
    {"name": f"=SUM(A{n})" if n % 2 else f"-row {n}", "gain": (n * 7 % 60 - 30) / 100, "worth": 100.0 * n}
    for n in range(60)
] + [{"name": "@none", "gain": None, "worth": None}]


@pytest.fixture
def table(tmp_path):
    from selenium.webdriver.common.by import By

    page = templates.from_string(PAGE)
    whole, few = (page.render(prefix="", tabs=TABS, lit="", around=NOTHING, rows=rows) for rows in (ROWS, ROWS[:3]))
    with served({"/": whole, "/few": few}) as address, chromium(tmp_path / "profile") as browser:
        browser.get(address)
        yield browser, lambda what: browser.find_element(By.CSS_SELECTOR, what)
        assert not severe(browser)


def gains(browser):
    return browser.execute_script("return [...document.querySelectorAll('tbody tr')].map(r => r.cells[1].textContent)")


def test_percents_sort_as_numbers_and_what_is_not_known_comes_last(table):
    browser, find = table
    heading = find("thead th:nth-child(2) button")
    heading.click()
    found = gains(browser)
    assert found == [f"{n:.2f}%" for n in range(-30, 20)]  # the first page of fifty
    heading.click()
    assert gains(browser)[:2] == ["29.00%", "28.00%"]
    find("[aria-label='Rows after']").click()
    assert gains(browser)[-2:] == ["-30.00%", "–"]


def test_what_the_filter_leaves_is_saved_and_no_cell_is_a_formula(table):
    browser, find = table
    browser.execute_script("window.saved = []; URL.createObjectURL = (blob) => { saved.push(blob); return 'data:,'; }")
    assert "61" in find(".tools").text
    find(".tools input").send_keys("-row")
    assert find(".tools [role=status]").text == "1 to 30 of 30"
    find("[aria-label='Save as CSV']").click()
    text = browser.execute_async_script("saved[0].text().then(arguments[0])")
    name, *rows = csv.reader(io.StringIO(text))
    assert name == ["Name", "Gain", "Worth"] and len(rows) == 30
    assert {row[0][:5] for row in rows} == {"'-row"}
    losses = [row[1] for row in rows if "-" in row[1]]
    assert losses and all(float(gain.removesuffix("%")) < 0 for gain in losses)  # a number as it is


def test_a_table_that_is_but_a_page_says_of_how_many(table):
    browser, find = table
    browser.get(f"{browser.current_url}few")
    assert find(".tools [role=status]").text == "3 rows of 1,234, which alone are sorted and filtered"


# Medians of three strategies in two scenarios; one was not tried in the second.
MEDIANS = {
    "alpha": {"Crash": -0.105, "Rally": 0.02}, "beta": {"Crash": 0.3}, "gamma": {"Crash": -0.02, "Rally": 0.113},
    **{f"rule_{n:02d}": {"Crash": n / 1000, "Rally": -n / 1000} for n in range(1, 52)},
}  # fmt: skip


@pytest.fixture(scope="module")
def heated(tmp_path_factory):
    pages = {"/": assessment_page(MEDIANS), "/months": strategy_page(700)}
    with served(pages) as address, chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser, address


def press(browser, heading: str) -> str:
    """Press a heading of the coloured table by keyboard alone; returns how it says that it is sorted."""
    from selenium.webdriver.common.keys import Keys

    for cell in browser.find_elements("css selector", "table.heat thead th"):
        if cell.get_attribute("textContent").split()[0] == heading:
            button = cell.find_element("tag name", "button")
            browser.execute_script("arguments[0].focus()", button)
            assert browser.execute_script("return document.activeElement.tabIndex") == 0
            browser.switch_to.active_element.send_keys(Keys.ENTER)
            return cell.get_attribute("aria-sort")
    raise AssertionError(heading)


def column(browser, number: int) -> list[str]:
    rows = "[...document.querySelectorAll('table.heat tbody tr')]"
    return browser.execute_script(f"return {rows}.map(r => r.cells[arguments[0]].textContent.trim())", number)


def test_the_heat_map_sorts_by_scenario_and_by_strategy_and_is_filtered(heated):
    browser, address = heated
    browser.get(address)
    assert "54" in browser.find_element("css selector", "section[aria-labelledby=scenarios] .tools").text
    assert press(browser, "Crash") == "ascending"
    assert column(browser, 0)[:3] == ["alpha", "gamma", "rule_01"] and column(browser, 1)[:2] == ["-10.5", "-2.0"]
    assert press(browser, "Crash") == "descending" and column(browser, 0)[:2] == ["beta", "rule_51"]
    assert press(browser, "Rally") == "ascending" and column(browser, 0)[0] == "rule_51"
    assert press(browser, "Rally") == "descending" and column(browser, 0)[:2] == ["gamma", "alpha"]
    browser.find_element("css selector", "section[aria-labelledby=scenarios] [aria-label='Rows after']").click()
    assert column(browser, 0)[-1] == "beta" and column(browser, 2)[-1] == "–"  # what was not tried comes last
    assert press(browser, "Strategy") == "ascending" and column(browser, 0)[:3] == ["alpha", "beta", "gamma"]
    browser.find_element("css selector", "section[aria-labelledby=scenarios] .tools input").send_keys("gam")
    assert column(browser, 0) == ["gamma"]
    assert len(browser.find_elements("css selector", "table.heat td[data-sign=down] a[href*='scenario=Crash']")) == 1
    assert not severe(browser)


def test_months_sort_by_year_and_by_a_month_and_what_has_not_come_is_last(heated):
    browser, address = heated
    browser.get(f"{address}/months")
    years = column(browser, 0)
    assert years == ["2006", "2005", "2004"] and column(browser, 12)[0] == ""  # the sessions end in September
    assert press(browser, "Year") == "ascending" and column(browser, 0) == years[::-1]
    for order, said in ((1, "ascending"), (-1, "descending")):
        assert press(browser, "Mar") == said
        shown = [float(text) for text in column(browser, 3)]
        assert len(shown) == 3 and shown == sorted(shown)[::order]
    for said in ("ascending", "descending"):
        assert press(browser, "Dec") == said
        assert (column(browser, 0)[-1], column(browser, 12)[-1]) == ("2006", "")
    assert browser.find_element("css selector", "section[aria-labelledby=months] .tools button").text == "CSV"
    assert not severe(browser)
