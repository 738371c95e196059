"""Late facts are gathered once, whatever the database believes of its tables: after a first load it knows nothing."""

from __future__ import annotations

from data_layer.storage.database import load_sql, transaction

SYMBOLS, SESSIONS = 40, 400
LOADED = (
    """INSERT INTO ingestion_batches (kind, source, run_id, start_date, end_date, symbols, received, accepted,
        duplicates, quarantined) VALUES ('bars', 'test', 'test', '2000-01-03', '2002-01-03', '{ALL}', 1, 1, 0, 0)""",
    """INSERT INTO market_data (symbol, date, open, high, low, close, volume, source, batch_id, known_at, backfilled)
        SELECT 'S' || s, DATE '2000-01-03' + d, 1, 1, 1, 1, 1, 'test', (SELECT max(id) FROM ingestion_batches),
               (DATE '2000-01-03' + d)::timestamptz + interval '21 hours', false
        FROM generate_series(1, %(symbols)s) s, generate_series(1, %(sessions)s) d""",
    """INSERT INTO stage_runs (stage, model, session_date, status, known_at, run_id)
        SELECT 'data_ingestion', '', DATE '2000-01-03' + d, 'completed',
               (DATE '2000-01-03' + d)::timestamptz + interval '21 hours', 'test'
        FROM generate_series(1, %(sessions)s) d""",
    # One comes a day late, one a month.
    "UPDATE market_data SET known_at = known_at + interval '1 day' WHERE symbol = 'S7' AND date = '2000-06-01'",
    "UPDATE market_data SET known_at = known_at + interval '30 days' WHERE symbol = 'S7' AND date = '2000-07-03'",
)
SPAN = {"after": "2000-01-04 21:00Z", "until": "2001-02-05 21:00Z"}


def test_they_are_found_by_reading_the_bars_once(database):
    with transaction(database.server.uri("postgres", database.name)) as connection:
        for statement in LOADED:
            connection.execute(statement, {"symbols": SYMBOLS, "sessions": SESSIONS} if "%" in statement else None)
        found = connection.execute(load_sql("stage_runs/select_late_facts"), SPAN).fetchall()
        assert [str(row["known_at"])[:10] for row in found] == ["2000-06-02", "2000-08-02"]
        explained = "EXPLAIN (ANALYZE, FORMAT JSON) " + load_sql("stage_runs/select_late_facts")
        (plan,) = connection.execute(explained, SPAN).fetchone().values()

    def scans(node):
        mine = [node["Actual Loops"]] if node.get("Relation Name") == "market_data" else []
        return mine + [loops for inner in node.get("Plans", ()) for loops in scans(inner)]

    assert len(scans(plan[0]["Plan"])) == 2  # early ones and late ones
    assert max(scans(plan[0]["Plan"])) <= 3  # a process each; it was one for every session
