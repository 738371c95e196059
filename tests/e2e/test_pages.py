"""A person in a browser looks at Almanac's pages inside Airflow; a stranger sees nothing."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from data_layer.runtime.home import Home
from tests.e2e.conftest import log_in

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
PAGES = {
    "strategies": "Strategies", "strategies/golden_cross": "golden_cross", "assessment": "Assessment", "data": "Data",
    "models": "Trained models", "risk": "Risk at the close of", "costs": "Costs since",
}  # fmt: skip
DRAWN = 30  # seconds until charts must stand, on a machine that does other things as well


def test_a_person_follows_an_order_down_to_its_bars(installation, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    wait = WebDriverWait(browser, DRAWN)
    log_in(installation, browser, "/almanac/")
    equity = installation.sql(
        "select equity_usd::numeric(20, 2) from account_snapshots order by session_date desc limit 1"
    )
    page = wait.until(lambda _: browser.find_element(By.TAG_NAME, "main"))
    assert f"{float(equity[0][0]):,.2f} USD" in page.text
    chart = browser.find_element(By.ID, "equity")
    wait.until(lambda _: chart.get_attribute("data-drawn"))
    assert len(chart.find_elements(By.CSS_SELECTOR, "path.js-line")) == 2

    for path, title in PAGES.items():
        browser.get(f"{browser.current_url.split('/almanac')[0]}/almanac/{path}")
        assert browser.find_element(By.TAG_NAME, "h1").text.startswith(title)
    for tab in ("Overview", "Orders"):
        browser.find_element(By.LINK_TEXT, tab).click()
    filled = installation.sql(
        "select o.client_order_id, f.price::numeric(20, 2) from orders o join fills f on f.order_id = o.id "
        "where o.order_type = 'market' order by o.session_date desc, o.symbol limit 1"
    )[0]
    browser.find_element(By.LINK_TEXT, filled[0]).click()
    page = browser.find_element(By.TAG_NAME, "main").text
    assert f"{float(filled[1]):,.2f}" in page
    assert "Bars" in page
    severe = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert not severe


def test_a_person_latches_the_kill_switch_and_arms_it_again(installation, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support import expected_conditions as seen
    from selenium.webdriver.support.ui import WebDriverWait

    wait = WebDriverWait(browser, DRAWN)
    log_in(installation, browser, "/almanac/risk")
    presses = (
        ("Latch", "prices look wrong", "is latched", "t"),
        ("Arm again", "they were right", "is armed", "f"),
    )
    for label, reason, said, state in presses:
        wait.until(seen.element_to_be_clickable((By.XPATH, f"//button[@class and text()='{label}']"))).click()
        wait.until(seen.visibility_of_element_located((By.NAME, "reason"))).send_keys(reason)
        browser.find_element(By.CSS_SELECTOR, "dialog button[type=submit]").click()
        wait.until(seen.text_to_be_present_in_element((By.CSS_SELECTOR, ".good-note"), said))
        switch = installation.sql("select engaged, reason from kill_switch where account_id = 'paper'")
        assert switch == [[state, reason]]
        banner = browser.find_elements(By.CSS_SELECTOR, "[role=alert]")
        assert [reason in b.text for b in banner] == ([True] if state == "t" else [])
    noted = installation.sql(
        "select event_type, payload ->> 'by' from audit_events where source = 'pages' order by ts"
    )
    assert noted == [["web.latch", "admin"], ["web.rearm", "admin"]]


@pytest.mark.parametrize("token", ["", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."])
def test_a_stranger_and_a_forger_see_nothing(installation, token):
    address = f"http://127.0.0.1:{Home(installation.tree / '.almanac').port('airflow')}/almanac/api/v1/health"
    request = urllib.request.Request(address, headers={"Authorization": token} if token else {})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310
    assert refused.value.code in (401, 403)
