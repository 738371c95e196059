"""Secrets that are easy to find again, in whatever dress they got out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote


def forms(secret: str) -> set[str]:
    """A secret as it stands, in a URL, and in base64, alone or behind something else as `user:secret` is."""
    plain = secret.encode()
    # What stands before it shifts it by 0, 1 or 2 bytes; the digits it shares with its neighbours are left out.
    packed = {
        base64.b64encode(bytes(shift) + plain).decode()[begin : 8 * (shift + len(plain)) // 6]
        for shift, begin in ((0, 0), (1, 2), (2, 3))
    }
    return {secret, quote(secret), quote(secret, safe=""), *packed,
            *(p.replace("+", "-").replace("/", "_") for p in packed)}  # fmt: skip


def found(text: str, secrets: Mapping[str, str]) -> list[str]:
    """Return the names of the secrets that a text holds in any form."""
    return [name for name, secret in secrets.items() if any(form in text for form in forms(secret))]
