"""What the pages of models say of drift: every measure at its own newest session."""

from __future__ import annotations

import re

from tests.support.planted import plant

SEEN, RIPE, LAST = "2026-11-12", "2026-11-13", "2026-11-20"
WORD = "a" * 64


def drift(session, measure, subject, value, threshold=None):
    return "model_drift", {"model_version_id": 7, "session_date": session, "measure": measure, "subject": subject,
                           "value": value, "threshold": threshold}  # fmt: skip


ROWS = (
    ("model_versions", {"id": 7, "family": "tft", "version": 2, "state": "promoted", "training_run_id": 3,
                        "seen_until": SEEN, "trained_from": SEEN, "trained_to": SEEN,
                        "code_version": WORD, "artifact_sha256": WORD, "metadata_sha256": WORD,
                        "artifact_format": "onnx"}),
    ("training_runs", {"id": 3, "family": "tft", "first_session": SEEN, "last_session": LAST, "data_version": WORD,
                       "label_version": WORD, "code_version": WORD}),
    # A session's stability is known at once, whether it was right only when its return has come.
    drift(LAST, "feature_psi", "rsi_14", 0.9, 0.25), drift(LAST, "score_psi", "score", 0.1, 0.25),
    drift(RIPE, "feature_psi", "rsi_14", 0.8, 0.25), drift(RIPE, "score_psi", "score", 0.7, 0.25),
    drift(RIPE, "rank_ic", "5", -0.4), drift(RIPE, "mean_rank_ic", "5", -0.06, 0.0),
    drift(SEEN, "mean_rank_ic", "5", -0.5, 0.0),
)  # fmt: skip


def cells(text, section):
    """The text of each cell of the rows of a section's table."""
    body = text[text.index(f'id="{section}"') :]
    rows = re.findall(r"<tr.*?>(.*?)</tr>", body[: body.index("</table>")], re.DOTALL)[1:]
    found = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [tuple(re.sub(r"<.*?>", "", cell).strip() for cell in row) for row in found]


def test_a_version_s_page_shows_realised_skill_beside_newer_stability(as_role, over, database):
    plant(database.owner, *ROWS)
    over(database)
    text = as_role("viewer").get("/models/7").text
    shown = {(row[0], row[1], row[-1]) for row in cells(text, "drift")}
    assert shown == {
        (LAST, "feature_psi", "beyond"), (LAST, "score_psi", "within"),
        (RIPE, "mean_rank_ic", "beyond"), (RIPE, "rank_ic", "not judged"),
    }  # fmt: skip


def test_the_list_counts_it_too(as_role, over, database):
    plant(database.owner, *ROWS)
    over(database)
    text = as_role("viewer").get("/models").text
    assert re.findall(r'#drift"[^>]*>(\d+)</a>', text) == ["2"]
