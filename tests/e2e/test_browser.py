"""A person in a browser: log in, press Trigger on data_ingestion, see all five DAGs go green."""

from __future__ import annotations

import psycopg
import pytest

from data_layer.runtime.home import Home
from plugins.stages.context import CHAIN
from tests.e2e.conftest import log_in

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
PATIENCE = 180  # seconds for the whole chain to go green


def test_trigger_button_runs_the_whole_chain(installation, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support import expected_conditions as seen
    from selenium.webdriver.support.ui import WebDriverWait

    home = Home(installation.tree / ".almanac")
    address = f"http://127.0.0.1:{home.port('airflow')}"
    wait = WebDriverWait(browser, 60)

    log_in(installation, browser, "/dags/data_ingestion")

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
    return metadata(
        installation, "SELECT run_id FROM dag_run WHERE dag_id = %s ORDER BY run_after DESC LIMIT 1", stage
    )


def state_of(installation, stage: str, run: str) -> str | None:
    """Return the state of a run, from Airflow's own table."""
    return metadata(installation, "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s", stage, run)


def metadata(installation, statement: str, *parameters: str) -> str | None:
    with psycopg.connect(Home(installation.tree / ".almanac").uri("airflow", "airflow")) as connection:
        row = connection.execute(statement, parameters).fetchone()
    return row[0] if row else None
