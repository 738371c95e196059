"""Tables in a browser: sorted as numbers, filtered, in pages, and saved as people and spreadsheets read them."""

from __future__ import annotations

import csv
import io

import pytest

from plugins.web.around import NOTHING
from plugins.web.rendering import TABS, templates
from tests.support.browser import chromium, severe
from tests.support.charted import served

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
