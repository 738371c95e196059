"""The error families, named by what the caller should do next."""

from __future__ import annotations


class AlmanacError(Exception):
    """Root of all errors Almanac raises on purpose.

    The text always names the stage, the key, the value and the remedy, so that a person who sees only one
    line of a log can act on it.
    """

    def __init__(self, message: str, *, stage: str = "", key: str = "", value: object = "", remedy: str = ""):
        self.stage, self.key, self.value, self.remedy = stage, key, value, remedy
        where = f"[{stage}] " if stage else ""
        what = f" ({key}={value!r})" if key else ""
        how = f"; {remedy}" if remedy else ""
        super().__init__(f"{where}{message}{what}{how}")


class ConfigError(AlmanacError):
    """The user must change a setting or an input: fails at once, a retry cannot help."""


class DataQualityError(AlmanacError):
    """The data is not fit to decide on: fails at once, nothing downstream may run."""


class RetryableError(AlmanacError):
    """A passing fault of a vendor, the network or the database: the caller may retry.

    Attributes:
        after: seconds a vendor asked to be left alone, None when it did not say.
    """

    after: float | None = None


class BlockedError(AlmanacError):
    """One item may not go on (a model, an order): recorded as blocked, the others go on."""
