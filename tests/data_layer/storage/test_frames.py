"""Frames read one after the other over one connection: each sees what was committed before it, and holds nothing."""

from __future__ import annotations

import psycopg

from data_layer.storage.database import frames

COUNT = "SELECT count(*) AS n FROM models WHERE model_name = %(name)s::text"
MINE = "SELECT pg_backend_pid() AS pid"


def test_frames_share_a_connection_and_each_sees_what_was_committed_before_it(database):
    with frames(database.reader) as read, psycopg.connect(database.owner, autocommit=True) as other:
        assert read(COUNT, {"name": "new"})["n"].tolist() == [0]
        other.execute(
            "INSERT INTO models (model_name, model_version, strategy_class) VALUES ('new', '1', 'none')"
        )
        assert read(COUNT, {"name": "new"})["n"].tolist() == [1]
        (first,), (second,) = read(MINE)["pid"], read(MINE)["pid"]
        assert first == second
        # Nobody who changes a table has to wait for a reader that is doing something else meanwhile.
        state = other.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [int(first)]).fetchone()
        assert state == ("idle",)
