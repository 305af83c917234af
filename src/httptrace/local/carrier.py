"""The ids of the running request or job in a form that a job queue can carry, and back."""

from __future__ import annotations

from collections.abc import Mapping

from httptrace.local.ids import is_printable_id, new_id
from httptrace.local.request import RequestContext, current_work, trace_of
from httptrace.local.w3c import TraceContext

KEY = "httptrace"
"""The key of the ids in a job's message."""


def carried_ids() -> dict[str, str]:
    """The ids of the running request or job; empty outside of any."""
    work = current_work()
    if "id" not in work:
        return {}
    carried = {"request_id": str(work["id"])}
    trace = trace_of(work)
    if trace is not None:
        carried["traceparent"] = trace.traceparent
        if trace.tracestate:
            carried["tracestate"] = trace.tracestate
    return carried


def job_scope(name: str, carried: object, job_id: str) -> RequestContext:
    """The scope of a job that has `carried` in its message; its id is `job_id` if there is none.

    `carried` is validated: anybody who can write to the queue may have written it.
    """
    given = carried if isinstance(carried, Mapping) else {}
    texts = {key: value for key, value in given.items() if isinstance(value, str)}
    candidates = (texts.get("request_id", ""), job_id)
    return RequestContext(
        next(filter(is_printable_id, candidates), None) or new_id(),
        name,
        trace=TraceContext.follow(texts.get("traceparent"), texts.get("tracestate")),
    )
