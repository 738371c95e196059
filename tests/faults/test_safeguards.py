"""Twenty safeguards between a signal and money are taken out one at a time: each time the suite goes red.

Each is taken out in a copy of the project, and only the test that is there for it is run: it must fail because of what
it asserts, not because something could no longer be imported. In the copy as it is all these tests pass.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from data_layer.settings import ROOT
from tests.support.warm_pytest import warm_pytest

pytestmark = pytest.mark.faults
# What the tests import that is not ours.
LIBRARIES = (
    "adbc_driver_postgresql.dbapi", "alpaca.trading.client", "exchange_calendars", "hypothesis", "numba", "pandas",
    "psycopg", "pyarrow.compute", "pytest", "schemathesis.pytest", "skfolio", "xdist.scheduler", "yoyo",
)  # fmt: skip
PARTS = ("models", "data_layer", "plugins", "dags", "db-init", "include", "tests", "pyproject.toml")
VOTE, SHARES, LIMITS = "tests/models/test_ensemble.py", "tests/models/test_portfolio.py", "tests/models/risk"
TAIL = f"{LIMITS}/test_portfolio_risk.py"
SWITCH, SENDING = "tests/plugins/stages/test_kill_switch.py", "tests/plugins/execution/test_sending.py"
ROWS, STATES = "tests/data_layer/storage/test_schema_books.py", "tests/data_layer/storage/test_order_states.py"
PAPER = "tests/data_layer/brokers/test_never_real_money.py"


class Safeguard(NamedTuple):
    """What it stops, where it stands, what stands there without it, and the test that must see it gone."""

    stops: str
    file: str
    text: str
    without: str
    test: str


SAFEGUARDS = (
    Safeguard("a vote that is not sure enough", "models/ensemble.py",
              "published=(side != 0) & (sure >= rules.publish_threshold)", "published=side != 0",
              f"{VOTE}::test_confidence_by_regime_and_what_is_published"),
    Safeguard("a vote made up for a member that is missing", "models/ensemble.py",
              "present = [m for m in rules.members if m.model in ran]", "present = list(rules.members)",
              f"{VOTE}::test_a_member_that_did_not_run_is_recorded_and_the_others_normalised"),
    Safeguard("a trade in a restricted share", "models/portfolio.py",
              "if symbol in restricted or symbol not in closes:", "if symbol not in closes:",
              f"{SHARES}::test_what_is_restricted_stays"),
    Safeguard("a position that is too large", "models/risk/max_position.py",
              "shares_within(threshold * batch.room_usd, batch.price)",
              "shares_within(2 * threshold * batch.room_usd, batch.price)",
              f"{LIMITS}/test_check.py::test_max_position"),
    Safeguard("a portfolio that may lose too much", "models/risk/portfolio_risk.py",
              "fits = value <= self.threshold or not batch.growth.any()", "fits = True",
              f"{TAIL}::test_cvar_is_the_mean_of_the_worst_twentieth_and_cuts_all_growth_alike"),
    Safeguard("growth that no history speaks for", "models/risk/portfolio_risk.py",
              "short = bars < LEAST", "short = bars < 0",
              f"{TAIL}::test_too_little_history_rejects_the_symbol_and_of_a_holding_everything"),
    Safeguard("trading on below the drawdown limit", "models/risk/latch.py",
              "if drawdown >= max_drawdown > 0:", "if False:",
              f"{LIMITS}/test_latch.py::test_a_slow_fall_latches_at_the_limit_and_stays_latched"),
    Safeguard("any change while the switch is latched", "models/risk/kill_switch.py",
              "stops_everything = True", "stops_everything = False",
              f"{LIMITS}/test_check.py::test_latched_kill_switch_rejects_even_reductions"),
    Safeguard("an order claimed while the switch is latched", "plugins/execution/sending.py",
              'trouble or (heed_switch(connection, account).reason and "kill switch")', "trouble",
              f"{SENDING}::test_the_kill_switch_is_read_where_an_order_is_claimed"),
    Safeguard("a claim that a latch does not see", "db-init/migrations/0028_limits_and_kill_switch.sql",
              "k WHERE account_id = account FOR SHARE", "k WHERE account_id = account",
              f"{SWITCH}::test_a_latch_waits_for_who_is_claiming_an_order"),
    Safeguard("arming on books that do not reconcile", "db-init/migrations/0031_books.sql",
              "AND a.cash_usd <> coalesce(b.cash_usd, 0) + coalesce(e.moved_usd, 0);", "AND false;",
              f"{SWITCH}::test_arming_needs_a_reason_a_latch_and_books_that_reconcile"),
    Safeguard("a state that may not follow", "db-init/migrations/0029_order_states.sql",
              "SELECT FROM order_transitions t WHERE t.from_state = o.state AND t.to_state = n.state))",
              "SELECT FROM order_transitions t WHERE t.to_state <> n.state))",
              f"{STATES}::test_states_follow_one_another_as_listed_and_no_other_way"),
    Safeguard("an order changed after its hash was taken", "db-init/migrations/0029_order_states.sql",
              "ADD CONSTRAINT orders_payload_hash CHECK (payload_hash = encode",
              "ADD CONSTRAINT orders_payload_hash CHECK (true OR payload_hash = encode",
              f"{STATES}::test_the_payload_hash_is_that_of_the_row"),
    Safeguard("an order at a real broker that nobody approved", "db-init/migrations/0030_real_broker.sql",
              "RAISE EXCEPTION 'order % has no approval'", "RAISE NOTICE 'order % has no approval'",
              f"{STATES}::test_nothing_goes_to_a_real_broker_without_an_approval_in_use"),
    Safeguard("a batch that was rejected", "plugins/execution/approval.py",
              'if row is not None and row["status"] == "approved":', "if row is not None:",
              f"{SENDING}::test_a_rejected_approval_blocks"),
    Safeguard("another address in the settings", "data_layer/broker_settings.py",
              "if address == PAPER or re.fullmatch(", "if address or re.fullmatch(",
              f"{PAPER}::test_settings_refuse_every_other_address"),
    Safeguard("another client than the one tested", "data_layer/brokers/alpaca_client.py",
              "if found != PINNED:", "if not found:", f"{PAPER}::test_another_version_of_the_client_is_refused"),
    Safeguard("an account that is not on paper", "data_layer/brokers/alpaca.py",
              "if not number.startswith(PAPER_NUMBER):", "if not number:",
              f"{PAPER}::test_the_account_alone_refuses_when_addresses_are_not_looked_at"),
    Safeguard("books that do not balance", "db-init/migrations/0005_execution.sql",
              "HAVING sum(n.amount_usd) <> 0 LIMIT 1", "HAVING false LIMIT 1",
              f"{ROWS}::test_an_unbalanced_transaction_is_refused"),
    Safeguard("a difference in cash that nothing explains", "plugins/execution/differences.py",
              "return abs(self.unexplained_usd) <= TOLERANCE_USD", "return True",
              "tests/plugins/execution/test_differences.py::test_what_nothing_explains_is_told"),
)  # fmt: skip


Run = Callable[[Sequence[str]], tuple[int, list[str]]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, with what has been compiled of it."""
    folder = tmp_path_factory.mktemp("project")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def run_tests(project: Path) -> Iterator[Run]:
    """Returns a function that runs tests in the copy: the exit code, and what each that failed says first."""
    with warm_pytest(LIBRARIES, PYTHONDONTWRITEBYTECODE="1", COLUMNS="1000", PYTEST_ADDOPTS="") as warm:

        def run(tests: Sequence[str]) -> tuple[int, list[str]]:
            base = project / "made"
            code, said = warm.run(project, ["-q", f"--basetemp={base}", *dict.fromkeys(tests)])
            shutil.rmtree(base, ignore_errors=True)
            assert re.search(r"^\d+ (passed|failed)", said, re.MULTILINE), said[-3000:]
            assert not re.search(r"^ERROR", said, re.MULTILINE), said[-3000:]  # neither collected nor set up
            return code, re.findall(r"^FAILED \S.*? - (.*)$", said, re.MULTILINE)

        assert run([s.test for s in SAFEGUARDS]) == (0, [])
        yield run


def test_there_are_twenty():
    assert len({s.stops for s in SAFEGUARDS}) == len({(s.file, s.text) for s in SAFEGUARDS}) == 20


@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda s: s.stops.replace(" ", "_"))
def test_the_suite_goes_red_without(project, run_tests, safeguard):
    path = project / safeguard.file
    whole = path.read_text()
    assert whole.count(safeguard.text) == 1, "the safeguard stands elsewhere now: name it as it is"
    path.write_text(whole.replace(safeguard.text, safeguard.without))
    try:
        code, failures = run_tests([safeguard.test])
    finally:
        path.write_text(whole)
    assert code == 1 and failures, f"nothing saw that {safeguard.stops} is no longer stopped"
    assert all(f.startswith(("AssertionError", "assert ", "Failed: DID NOT RAISE")) for f in failures), failures
