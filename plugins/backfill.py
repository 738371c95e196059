"""`make backfill START= END= [SYMBOLS=] [SOURCE=]`: fill bars and actions of a range of dates; repeat it to go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tqdm import tqdm

from data_layer.runtime.console import INTERRUPTED, ends, say
from data_layer.runtime.home import Home
from data_layer.runtime.remember import refuse_other_source
from data_layer.settings import Settings, given_values, load_settings
from data_layer.sources import open_source
from models.errors import ConfigError
from plugins.stages.backfill import fill_chunk, open_range, plan_chunks
from plugins.stages.opening import open_backfill

Advance = Callable[[Sequence[str]], None]


def run(uri: str, settings: Settings) -> int:
    """Fill the range that the settings name; return the exit code.

    Raises:
        ConfigError: when START or END is missing, or the home holds another kind of bars.
    """
    if not (settings.start and settings.end):
        raise ConfigError(
            "a backfill needs both ends of its range",
            stage="backfill",
            key="START..END",
            value=f"{settings.start or ''}..{settings.end or ''}",
            remedy="make backfill START=2015-01-02 END=2019-12-31",
        )
    context = open_backfill(uri, settings)
    backfill = open_range(context, open_source(settings), settings.start, settings.end)
    groups, finished = plan_chunks(backfill)
    say(
        f"{backfill.source.name}, {backfill.start} to {backfill.end}: {sum(map(len, groups))} symbols in "
        f"{len(groups)} chunks to do, {finished} symbols done before"
    )
    total = dict.fromkeys(("received", "accepted", "duplicates", "quarantined", "actions"), 0)
    did = 0
    try:
        with _progress(len(groups)) as advance:
            for group in groups:
                for name, count in fill_chunk(backfill, group).items():
                    total[name] += count
                did += 1
                advance(group)
    except KeyboardInterrupt:
        say(f"interrupted after {did} of {len(groups)} chunks; they are kept, repeat the command to go on")
        return INTERRUPTED
    say("done: " + ", ".join(f"{name} {count:,}" for name, count in total.items()))
    if total["quarantined"]:
        say("bars in quarantine: see quarantine.reason")
    return 0


@contextmanager
def _progress(chunks: int) -> Iterator[Advance]:
    """A bar with the time left on a terminal, else a line per chunk."""
    if sys.stderr.isatty():
        with tqdm(total=chunks, unit="chunk", dynamic_ncols=True) as bar:

            def step(group: Sequence[str]) -> None:
                bar.set_postfix_str(group[-1], refresh=False)
                bar.update()

            yield step
        return
    done = 0

    def line(group: Sequence[str]) -> None:
        nonlocal done
        done += 1
        say(f"chunk {done} of {chunks}: {group[0]} to {group[-1]}")

    yield line


def main() -> int:
    """Read the settings and run it in their home."""
    settings = load_settings()
    refuse_other_source(settings.almanac_home)
    given = given_values()
    for name in ("START", "END"):  # what the home was started with is not what is asked for now
        if not given.get(name):
            raise ConfigError(
                "a backfill needs both ends of its range",
                stage="backfill",
                key=name,
                value="",
                remedy="make backfill START=2015-01-02 END=2019-12-31",
            )
    return run(Home(settings.almanac_home).uri("quant_writer"), settings)


if __name__ == "__main__":
    ends(main)
