"""A user's copy of the project: its files in a folder of their own, started with `make run`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data_layer.runtime.home import Home
from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 900  # seconds any one command may take


@dataclass(frozen=True)
class Installation:
    """A checkout with its home."""

    tree: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            k: v
            for k, v in os.environ.items()
            if k in {"PATH", "HOME", "LANG", "TMPDIR"} or k.startswith("PIP_")
        }
        # The checkout borrows this environment's packages; a fresh machine installs the same ones.
        return {**kept, "VENV": sys.prefix}

    def run(self, command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command line as typed in the checkout."""
        return subprocess.run(
            ["bash", "-c", command], cwd=self.tree, env={**self.environment, **more}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONGEST, check=False,
        )  # fmt: skip

    def sql(self, statement: str) -> list[list[str]]:
        """Return a query's rows as texts, through bin/psql."""
        done = subprocess.run(
            [str(self.tree / "bin" / "psql"), "-AtF", "|", "-c", statement], env=self.environment, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]


def checkout(folder: Path) -> Path:
    """Copy the project's files, as a clone would have them, and the kernels that are compiled already."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for package in ("data_layer", "models", "plugins"):
        for kernel in (ROOT / package).rglob("__pycache__/*.nb[ic]"):  # minutes of work, good for the same sources
            (folder / kernel.relative_to(ROOT)).parent.mkdir(exist_ok=True)
            shutil.copy2(kernel, folder / kernel.relative_to(ROOT))
    return folder


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A checkout on which `make run` has been typed once; its output stands in <tree>/first_run.txt."""
    installed = Installation(checkout(tmp_path_factory.mktemp("checkout")))
    try:
        done = installed.run("make run")
        (installed.tree / "first_run.txt").write_text(done.stdout)
        assert done.returncode == 0, done.stdout
        yield installed
    finally:
        installed.run("make stop")


@pytest.fixture
def browser(tmp_path) -> Iterator:
    with chromium(tmp_path / "profile") as driver:
        yield driver


def log_in(installation: Installation, browser: Any, path: str) -> None:
    """Open a page of Airflow and log in as its administrator, as the login page asks for."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support import expected_conditions as seen
    from selenium.webdriver.support.ui import WebDriverWait

    home = Home(installation.tree / ".almanac")
    wait = WebDriverWait(browser, 60)
    browser.get(f"http://127.0.0.1:{home.port('airflow')}{path}")
    wait.until(seen.element_to_be_clickable((By.NAME, "username"))).send_keys("admin")
    password = json.loads(home.airflow_users.read_text())["admin"]
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    wait.until(lambda _: "/auth/login" not in browser.current_url)
