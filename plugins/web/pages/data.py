"""Data: what is held, what was put aside, where vendors differ, and what was restated."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from plugins.web.reading import rows
from plugins.web.rendering import columns, page

router = APIRouter(prefix="/data")
SHOWN = 200  # newest first; the tables themselves have them all


@router.get("")
def data(request: Request) -> Response:
    """Show coverage by session and everything that puts bars in doubt."""
    return page(
        request,
        "data.html",
        coverage=columns(rows("pages/select_coverage")),
        batches=rows("pages/select_batches", count=20),
        quarantine=rows("pages/select_open_quarantine", count=SHOWN),
        findings=rows("pages/select_findings", count=SHOWN),
        disagreements=rows("pages/select_disagreements", count=SHOWN),
        restatements=rows("pages/select_restatements", count=SHOWN),
        shown=SHOWN,
    )
