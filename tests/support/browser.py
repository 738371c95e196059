"""Debian's Chromium, driven by selenium, for tests that look at pages as people do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
# A fresh browser that stays on this machine.
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1200", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Start a browser with a profile of its own; the test is skipped where Debian's packages are missing."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("Debian packages chromium and chromium-driver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def drawn(browser: Any) -> dict[str, float]:
    """Return how long each chart of the page took, in ms, by its id; empty while one of them is not drawn yet."""
    of_each = "[c.id, c.dataset.drawn || c.dataset.failed || '']"
    script = f"return [...document.querySelectorAll('.chart')].map(c => {of_each})"
    found = browser.execute_script(script)
    return {name: float(took) for name, took in found} if found and all(took for _, took in found) else {}


def severe(browser: Any) -> list[str]:
    """Return what the page reported as wrong: scripts that failed, files that are missing, breaches of the policy."""
    return [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]
