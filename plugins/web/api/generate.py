"""Signals of the promoted model at will, and the models the server has loaded."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from data_layer.storage.database import transaction
from plugins.web.api.shapes import Generated, Reasoned, Reloaded, ToGenerate
from plugins.web.generating import generate, reload
from plugins.web.guard import may_operate
from plugins.web.noting import note
from plugins.web.reading import role_uri

router = APIRouter(tags=["models"])


@router.post("/signals/generate")
def generate_signals(asked: ToGenerate) -> Generated:
    """Rank symbols by the promoted version's predictions, from features as of a date; nothing is stored or ordered."""
    symbols = list(dict.fromkeys(asked.symbols))
    return Generated.model_validate(
        generate(symbols, asked.as_of_date, asked.top_n, asked.bottom_n, asked.model)
    )


@router.post("/models/reload", dependencies=[Depends(may_operate)])
def reload_models(request: Request, asked: Reasoned) -> list[Reloaded]:
    """Read the versions in use anew, their hashes compared."""
    with transaction(role_uri("quant_data")) as connection:  # first: while it is away nothing is reloaded
        found = reload()
        note(connection, request, "reload", "models", asked.reason, versions=[v["id"] for v in found])
    return [Reloaded.model_validate(v) for v in found]
