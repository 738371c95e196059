"""When an account latches its own kill switch, and when it may be armed again by itself.

The account is followed by the value of a unit: deposits and withdrawals buy and sell units at the value of the
close before, so that they are neither gain nor loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.errors import ConfigError

DRAWDOWN, LOSS = "drawdown", "loss"
BY_ITSELF = (DRAWDOWN, LOSS)  # causes that a pass finds in the account's own figures


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of an account's fall at a session's close.

    unit_value: 1 at the first close; peak: the highest since the switch was armed last; session_loss, drawdown:
    fractions, a gain negative and 0; cause: of the latch, empty when armed; latched_sessions: closes since it;
    last_rearm: number of the last arming by hand that was heeded; event: what this close did: latched, rearmed.
    """

    unit_value: float = 1.0
    peak: float = 1.0
    equity_usd: float = 0.0
    session_loss: float = 0.0
    drawdown: float = 0.0
    cause: str = ""
    reason: str = ""
    latched_sessions: int = 0
    last_rearm: int = 0
    event: str = ""

    def follow(
        self,
        equity_usd: float,
        flow_usd: float,
        *,
        max_drawdown: float,
        max_session_loss: float,
        rearm_sessions: int | None,
        last_rearm: int = 0,
    ) -> Watch:
        """Return the watch after one more close.

        Args:
            equity_usd: at the close.
            flow_usd: paid in before the open, negative for paid out.
            max_drawdown, max_session_loss: fractions at which the switch latches.
            rearm_sessions: closes after which a latch of its own is taken back; None for never.
            last_rearm: number of the last arming by hand.

        Raises:
            ConfigError: when equity or flow is not finite.
        """
        if not (abs(equity_usd) < 1e15 and abs(flow_usd) < 1e15):
            raise ConfigError("no equity to follow", stage="check_risk", key="equity_usd", value=equity_usd,
                              remedy="mark the positions first")  # fmt: skip
        base = self.equity_usd + flow_usd
        # An account with nothing in it has no unit to lose; one that is ruined has lost all of it.
        grown = equity_usd / base if base > 0 else 1.0
        unit = self.unit_value * max(grown, 0.0)
        now = replace(self, unit_value=unit, equity_usd=equity_usd, session_loss=1.0 - grown, event="")
        if now.cause and last_rearm > self.last_rearm:
            now = now._armed("")
        elif now.cause:
            now = replace(now, latched_sessions=now.latched_sessions + 1)
            if rearm_sessions is not None and now.latched_sessions >= rearm_sessions:
                reason = f"{now.latched_sessions} sessions after: {now.reason}"
                now = replace(now._armed("rearmed"), reason=reason)
        now = replace(now, last_rearm=max(last_rearm, self.last_rearm), peak=max(now.peak, unit))
        drawdown = 1.0 - unit / now.peak if now.peak > 0 else 0.0
        now = replace(now, drawdown=drawdown)
        if now.cause:
            return now
        if drawdown >= max_drawdown > 0:
            return now._latched(DRAWDOWN, f"drawdown of {drawdown:.2%}, the limit is {max_drawdown:.2%}")
        if now.session_loss >= max_session_loss > 0:
            return now._latched(LOSS, f"loss of {now.session_loss:.2%}, the limit is {max_session_loss:.2%}")
        return now

    def _armed(self, event: str) -> Watch:
        """Forget the latch; the fall is measured anew from here."""
        return replace(self, cause="", reason="", latched_sessions=0, peak=self.unit_value, event=event)

    def _latched(self, cause: str, reason: str) -> Watch:
        return replace(self, cause=cause, reason=reason, latched_sessions=0, event="latched")
