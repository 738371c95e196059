"""How the API refuses, for its description: the status says what the caller should do, the detail why."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field


class Unreadable(BaseModel):
    """What of an address or a body cannot be read."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """Why a request is refused; an error of the platform's own names stage, key, value and remedy."""

    detail: str | list[Unreadable] = Field(description="A list only for addresses and bodies that cannot be read")


SAID = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON",
    HTTPStatus.UNAUTHORIZED: "Nobody is logged in, or the signature is not one of ours",
    HTTPStatus.FORBIDDEN: "The role may not do this, or a foreign page asks",
    HTTPStatus.NOT_FOUND: "There is none",
    HTTPStatus.CONFLICT: "Not in this state: wait, or mend what is named",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Send application/json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Ask for something else: what is wrong is named",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database does not answer, or not in time: try again",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    int(status): {"model": Problem, "description": said} for status, said in SAID.items()
}
