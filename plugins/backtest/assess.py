"""`make assess [FILES=] [STRATEGIES=] [SYMBOLS=] [SCENARIOS=] [START=] [END=] [COSTS=] [OUT=]`: strategies assessed.

With FILES= (Parquet or CSV) nothing but those bars is read, and OUT= takes one row a backtest as Parquet; without
it the bars are the home's, and everything is stored there as the DAG strategy_assessment does.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from data_layer.features.memory import share_freed_memory, without_collections
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import given_values, load_settings, parse_date
from models.errors import ConfigError

if TYPE_CHECKING:
    from models.backtest.rules import Rules
    from plugins.backtest.assessment import Assessed, Course
    from plugins.backtest.market import Market

NAMES = ("FILES", "STRATEGIES", "SYMBOLS", "SCENARIOS", "START", "END", "COSTS", "OUT")


def main() -> int:
    """Run with what the environment names."""
    given = {name: value for name, value in given_values(names=NAMES).items() if value}
    if "FILES" in given:
        assessed = assess_files(given)
        from plugins.backtest.assess_bars import print_results
        from plugins.backtest.ranking import rank_assessed

        print_results(*assessed[:3])
        lines = rank_assessed(*assessed)
    elif "OUT" in given:
        raise ConfigError("OUT goes with FILES", stage="assessment", key="OUT", value=given["OUT"],
                          remedy="without FILES the results are in table backtest_results")  # fmt: skip
    else:
        lines = from_home(given)
    for line in lines:
        say(line)
    return 0


@without_collections(for_good=True)
def assess_files(given: Mapping[str, str]) -> tuple[Market, Course, Assessed, Rules]:
    """Assess bars of files in memory; see above for what may be given.

    A thread reads them while numba and all that is compiled are imported, which takes as long. Imports make much
    that stays and no garbage: hence here, where nobody looks for any.
    """
    share_freed_memory()  # before Arrow is imported: see there
    from plugins.backtest.received import read_files

    end = parse_date(given["END"], key="END", stage="assessment") if "END" in given else None
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(read_files, given["FILES"], end)
        from plugins.backtest.assess_bars import asked_for, assess_received

        return assess_received(received, asked_for(given), given.get("OUT", ""))


@without_collections(for_good=True)
def from_home(given: Mapping[str, str]) -> list[str]:
    """Assess the home's bars, store all and rank; return the ranking's lines."""
    share_freed_memory()  # before Arrow is imported: see there
    from plugins.backtest.assess_bars import asked_for, print_results
    from plugins.backtest.assessment_run import run_here
    from plugins.backtest.ranking import rank_run

    settings = load_settings()
    uri = Home(settings.almanac_home).uri("quant_writer")
    prepared, found = run_here(uri, settings, asked_for(given))
    print_results(prepared.market, prepared.course, found)
    say(f"run {prepared.run_id} of backtest_runs")
    lines: list[str] = rank_run(uri, prepared.run_id)["lines"]
    return lines


if __name__ == "__main__":
    ends(main)
