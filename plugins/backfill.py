"""`make backfill START= END= [SYMBOLS=] [SOURCE=]`: fill bars and actions of a range of dates; repeat it to go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import sleep
from typing import Any, TypeVar

from tqdm import tqdm

from data_layer.runtime.airflow_connections import read_connection
from data_layer.runtime.console import INTERRUPTED, ends, say
from data_layer.runtime.home import Home
from data_layer.runtime.remember import home_settings
from data_layer.settings import Settings, given_values, home_path
from data_layer.sources import open_source
from data_layer.sources.universe import asked_for, read_universe
from data_layer.storage.database import as_run
from models.errors import ConfigError, DataQualityError, RetryableError
from plugins.stages.backfill import fill_chunk, open_range, plan_chunks
from plugins.stages.opening import open_backfill
from plugins.vendor_keys import with_connections

# A vendor that wants to be left alone is left alone, but asked again four times within the hour: what is meant for a
# longer time is a quota of the day, and better met by repeating the command tomorrow.
LONGEST_WAIT = 900.0  # seconds
WAITS = 4
T = TypeVar("T")


def run(uri: str, settings: Settings, ask: str = "") -> int:
    """Fill the range that the settings name; return the exit code, 1 when a chunk could not be filled.

    Args:
        uri: writer's connection URI.
        settings: START, END, SYMBOLS; SOURCES is the order in which vendors are believed.
        ask: the one of SOURCES to ask; the first when empty.

    Raises:
        ConfigError: when START or END is missing, or the home holds another kind of bars.
    """
    if not (settings.start and settings.end):
        raise _open_ended("START..END", f"{settings.start or ''}..{settings.end or ''}")
    context = open_backfill(uri, settings)
    source = open_source(asked_for(settings, read_universe(settings)), ask)
    backfill = open_range(context, source, settings.start, settings.end)
    total = dict.fromkeys(("received", "accepted", "duplicates", "quarantined", "actions"), 0)
    did, failed, groups = 0, list[Sequence[str]](), list[tuple[str, ...]]()
    try:
        groups, finished = _patiently(partial(plan_chunks, backfill), say)
        say(
            f"{source.name}, {backfill.start} to {backfill.end}: {sum(map(len, groups))} symbols in "
            f"{len(groups)} chunks to do, {finished} symbols done before"
        )
        with as_run(context.request.run_id), _progress(len(groups)) as progress:
            for group in groups:
                try:
                    counts = _patiently(partial(fill_chunk, backfill, group), progress.hold)
                except (RetryableError, DataQualityError) as error:
                    failed.append(group)
                    progress.tell(f"failed: {_span(group)}: {error}")
                    if isinstance(error, RetryableError) and error.after is not None:
                        break  # no other chunk would fare better
                    continue
                for name, count in counts.items():
                    total[name] += count
                did += 1
                progress.step(group)
    except KeyboardInterrupt:
        say(f"interrupted after {did} of {len(groups)} chunks; they are kept, repeat the command to go on")
        return INTERRUPTED
    say("done: " + ", ".join(f"{name} {count:,}" for name, count in total.items()))
    if total["quarantined"]:
        say("bars in quarantine: see quarantine.reason")
    if failed:
        untried = len(groups) - did - len(failed)
        say(
            f"failed: {len(failed)} of {len(groups)} chunks: {', '.join(map(_span, failed))}"
            + (f"; {untried} not tried" if untried else "")
            + "; repeat the command to try again"
        )
    return 1 if failed else 0


def _patiently(ask: Callable[[], T], hold: Callable[[str], None]) -> T:
    """Return the answer; where the vendor asks to be left alone for a while, wait and ask again.

    Raises:
        RetryableError: when it still asks for more time after WAITS waits, and whatever else the question raises.
    """
    for _ in range(WAITS):
        try:
            return ask()
        except RetryableError as error:
            if error.after is None:
                raise
            seconds = min(error.after, LONGEST_WAIT)
            hold(f"waiting {seconds:.0f} s, the vendor asks for {error.after:.0f}")
            sleep(seconds)
    return ask()


class _Progress:
    """A bar with the time left on a terminal, else a line per chunk."""

    def __init__(self, chunks: int, bar: Any = None):
        self.chunks, self.bar, self.done = chunks, bar, 0

    def step(self, group: Sequence[str]) -> None:
        """A chunk is done."""
        self.done += 1
        if self.bar:
            self.bar.set_postfix_str(group[-1], refresh=False)
            self.bar.update()
        else:
            say(f"chunk {self.done} of {self.chunks}: {_span(group)}")

    def hold(self, words: str) -> None:
        """Say what is waited for."""
        if self.bar:
            self.bar.set_postfix_str(words)
        else:
            say(words)

    def tell(self, line: str) -> None:
        """Print a line that stays."""
        (self.bar.write if self.bar else say)(line)


@contextmanager
def _progress(chunks: int) -> Iterator[_Progress]:
    if sys.stderr.isatty():
        with tqdm(total=chunks, unit="chunk", dynamic_ncols=True) as bar:
            yield _Progress(chunks, bar)
    else:
        yield _Progress(chunks)


def _span(group: Sequence[str]) -> str:
    return group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}"


def _open_ended(key: str, value: str) -> ConfigError:
    return ConfigError(
        "a backfill needs both ends of its range",
        stage="backfill",
        key=key,
        value=value,
        remedy="make backfill START=2015-01-02 END=2019-12-31",
    )


def main() -> int:
    """Read the settings and run it in their home."""
    settings, ask = home_settings(home_path())
    given = given_values()
    for name in ("START", "END"):  # what the home was started with is not what is asked for now
        if not given.get(name):
            raise _open_ended(name, "")
    home = Home(settings.almanac_home)
    settings = with_connections(settings, [ask], partial(read_connection, home))
    return run(home.uri("quant_writer"), settings, ask)


if __name__ == "__main__":
    ends(main)
