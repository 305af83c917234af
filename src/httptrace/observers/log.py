"""`RequestLog`: one line through `logging` for each request that has ended."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from ..checks import flag, seconds
from ..masking import mask_text, mask_url
from ..trace.declare import record_of
from .exporter import Exporter
from .phases import phases_of

if TYPE_CHECKING:
    from ..trace.moments_call import TraceRequestFinishParams
    from ..trace.record import Phase, Record

_UNKNOWN = "(unknown file)"


class RequestLog(Exporter):
    """Logs one line for each request that has ended, with its phases.

    :param slow: seconds from which on a request is slow.
    :param json: whether the line is a JSON object instead of text.
    :param logger: the name of the logger.
    :param level: the level of requests that are neither slow nor failed.

    Slow and failed requests are logged at WARNING: a slow one with the phase that took the most
    time, a failed one with the phase that it failed in, and the limit if that was a timeout.
    Secrets in URLs are masked. Phases are milliseconds in text, and seconds in JSON.

    The logger does the rest: a level above INFO hides the usual lines, and handlers decide where
    they go. They are called in the task of the request, and must not block.

    Raises
    ------
    TypeError, ValueError
        When `slow` is not a number of seconds above 0.
    """

    def __init__(
        self,
        *,
        slow: float = 1.0,
        json: bool = False,
        logger: str = "httptrace.requests",
        level: int = logging.INFO,
    ) -> None:
        super().__init__()
        seconds("slow", slow)
        flag("json", json)
        if not isinstance(logger, str):
            raise TypeError(f"logger must be the name of a logger, not {logger!r}")
        self.slow, self.json, self.level = slow, json, level
        self._slow_ns = round(slow * 1e9)
        self._logger = logging.getLogger(logger)

    def on_request_finish(self, event: TraceRequestFinishParams) -> None:
        """Log the request."""
        last = record_of(event)
        first, attempts = last, 1
        while first.previous is not None:
            first, attempts = first.previous, attempts + 1
        total_ns = last.end_ns - first.start_ns
        is_slow = total_ns >= self._slow_ns
        level = logging.WARNING if is_slow or event.outcome == "failed" else self.level
        logger = self._logger
        if logger.isEnabledFor(level):
            phases_ns = phases_of(last)
            describe = _as_json if self.json else _as_text
            text = describe(event, last, attempts, total_ns, phases_ns, is_slow)
            logger.handle(logger.makeRecord(logger.name, level, _UNKNOWN, 0, text, (), None))


def _as_text(
    event: TraceRequestFinishParams,
    last: Record,
    attempts: int,
    total_ns: int,
    phases_ns: dict[Phase, int],
    is_slow: bool,
) -> str:
    outcome = event.outcome
    end = str(last.status) if outcome == "completed" else f"{last.status or '-'} {outcome}"
    phases = ", ".join([f"{phase} {ns / 1e6:.1f}" for phase, ns in phases_ns.items()])
    text = f"{last.method} {mask_url(last.url)} {end} in {total_ns / 1e6:.1f} ms ({phases})"
    if attempts > 1:
        text += f", {attempts} attempts"
    if is_slow:
        text += f", slow: {_longest(phases_ns)}"
    if outcome == "failed" and (exc := event.exception) is not None:
        limit = f" ({limit})" if (limit := _limit_of(exc)) else ""
        text += f" in {last.phase}{limit}: {_type_of(exc)}: {mask_text(str(exc))}"
    return text


def _as_json(
    event: TraceRequestFinishParams,
    last: Record,
    attempts: int,
    total_ns: int,
    phases_ns: dict[Phase, int],
    is_slow: bool,
) -> str:
    said = {
        "http.request.method": last.method,
        "url.full": mask_url(last.url),
        "http.response.status_code": last.status or None,
        "outcome": event.outcome,
        "duration": total_ns / 1e9,
        "phases": {phase: ns / 1e9 for phase, ns in phases_ns.items()},
        "attempts": attempts,
        "reused": last.reused,
        "request_id": last.request_id,
        "context_id": last.context_id,
        "slow_phase": _longest(phases_ns) if is_slow else None,
    }
    if event.outcome == "failed" and (exc := event.exception) is not None:
        said["error.type"] = _type_of(exc)
        said["error.message"] = mask_text(str(exc))
        said["failed_phase"] = last.phase
        said["limit"] = _limit_of(exc)
    return json.dumps({name: value for name, value in said.items() if value is not None})


def _longest(phases_ns: dict[Phase, int]) -> Phase:
    return max(phases_ns, key=phases_ns.__getitem__)


def _type_of(exc: BaseException) -> str:
    return f"{type(exc).__module__}.{type(exc).__qualname__}"


def _limit_of(exc: BaseException) -> str | None:
    """The limit of a timeout as it stands in ClientTimeout, for instance 'total=5'."""
    name, limit = getattr(exc, "timeout", None), getattr(exc, "limit", None)
    return f"{name}={limit:g}" if name and limit is not None else None
