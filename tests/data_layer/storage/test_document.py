"""docs/schema.md says what the migrations make."""

from __future__ import annotations

import re

from data_layer.runtime.verify import declared_tables
from data_layer.storage.database import transaction
from data_layer.storage.document import PAGE, page
from data_layer.storage.migrate import DB_INIT


def test_the_page_is_written_from_the_database(database):
    with transaction(database.reader) as connection:
        assert PAGE.read_text() == page(connection), "write it: python -m data_layer.storage.document"


def test_every_table_is_in_one_diagram_with_its_key():
    text = PAGE.read_text()
    drawn = re.findall(r"^    (\w+) \{\n((?:        .*\n)*)    \}", text, re.M)
    assert sorted(name for name, _ in drawn) == sorted(declared_tables(DB_INIT / "migrations"))
    assert "        float8 close" not in text  # no key, so not drawn
    assert '    risk_decisions ||--o{ orders : "' in text
