"""A person in a browser: log in, press Trigger on data_ingestion, see all five DAGs go green."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import psycopg
import pytest

from data_layer.runtime.home import Home
from plugins.stages.context import CHAIN

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
PATIENCE = 180  # seconds for the whole chain to go green
# A fresh browser that stays on this machine.
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1200", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def browser(tmp_path) -> Iterator:
    if not (CHROMIUM and DRIVER):
        pytest.skip("Debian packages chromium and chromium-driver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def test_trigger_button_runs_the_whole_chain(installation, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support import expected_conditions as seen
    from selenium.webdriver.support.ui import WebDriverWait

    home = Home(installation.tree / ".almanac")
    address = f"http://127.0.0.1:{home.port('airflow')}"
    wait = WebDriverWait(browser, 60)

    browser.get(f"{address}/dags/data_ingestion")
    wait.until(seen.element_to_be_clickable((By.NAME, "username"))).send_keys("admin")
    password = json.loads(home.airflow_users.read_text())["admin"]
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    wait.until(seen.url_contains("/dags/data_ingestion"))

    before = {stage: newest_run(installation, stage) for stage in CHAIN}
    wait.until(seen.element_to_be_clickable((By.CSS_SELECTOR, "[data-testid=trigger-dag-button]"))).click()
    # The form as it is, only the button below it.
    wait.until(seen.element_to_be_clickable((By.CSS_SELECTOR, "[data-testid=trigger-dag-submit]"))).click()

    for stage in CHAIN:
        WebDriverWait(browser, PATIENCE, poll_frequency=2).until(
            lambda _, stage=stage: newest_run(installation, stage) not in (None, before[stage])
        )
        run = newest_run(installation, stage)
        browser.get(f"{address}/dags/{stage}/runs/{run}")
        # The word stands beside a finished task already: first the run must be over, then the page must say so.
        WebDriverWait(browser, PATIENCE, poll_frequency=1).until(
            lambda _, stage=stage, run=run: state_of(installation, stage, run) in ("success", "failed")
        )
        assert state_of(installation, stage, run) == "success"
        wait.until(lambda _: "Success" in browser.find_element(By.ID, "root").text)


def newest_run(installation, stage: str) -> str | None:
    """Return the id of the DAG's newest run, from Airflow's own table."""
    return metadata(installation, "SELECT run_id FROM dag_run WHERE dag_id = %s ORDER BY run_after DESC LIMIT 1", stage)


def state_of(installation, stage: str, run: str) -> str | None:
    """Return the state of a run, from Airflow's own table."""
    return metadata(installation, "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", stage, run)


def metadata(installation, statement: str, *parameters: str) -> str | None:
    with psycopg.connect(Home(installation.tree / ".almanac").uri("airflow", "airflow")) as connection:
        row = connection.execute(statement, parameters).fetchone()
    return row[0] if row else None
