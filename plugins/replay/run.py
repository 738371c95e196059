"""`make replay DATE= [TO=]`: decide past sessions again from what was known then; 0 when the same was decided."""

from __future__ import annotations

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import given_values, home_path, load_settings, parse_date
from models.errors import ConfigError
from plugins.replay.replay import replay, report_lines


def main() -> int:
    """Replay in this home's database."""
    given, home = given_values(names=("DATE", "TO")), Home(home_path())
    if not given.get("DATE"):
        raise ConfigError("no session is named", stage="replay", key="DATE", remedy="name one: DATE=2012-06-01")
    first = parse_date(given["DATE"], key="DATE", stage="replay")
    last = parse_date(given["TO"], key="TO", stage="replay") if given.get("TO") else first
    uri = home.uri("quant_writer")
    report = replay(uri, load_settings(), first, last)
    for line in report_lines(uri, report):
        say(line)
    return 0 if report.is_identical else 1


if __name__ == "__main__":
    ends(main)
