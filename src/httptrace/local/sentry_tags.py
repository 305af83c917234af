"""The ids and bound fields in Sentry's events. Only the call imports sentry-sdk."""

from __future__ import annotations

from typing import Any

from httptrace.local.logs import IDS, request_fields

_TAGS = ("request_id", "trace_id")


def instrument_sentry() -> None:
    """Tag every event that sentry-sdk sends with ``request_id`` and ``trace_id``.

    Call it once, before or after ``sentry_sdk.init()``. The ids are those of the request or job in
    which the event is captured, or, outside of any, of the one that raised the exception. The
    fields of `bind` go into the event's context ``bound_fields``. Tags that the event has already
    stay.

    :raises ImportError: sentry-sdk is not installed.
    """
    from sentry_sdk import scope

    if _tag not in scope.global_event_processors:
        scope.add_global_event_processor(_tag)


def _tag(event: Any, hint: dict[str, Any]) -> Any:
    exc_info = hint.get("exc_info")
    fields = request_fields(exc_info[1] if isinstance(exc_info, tuple) else None)
    tags = event.setdefault("tags", {})
    for name in _TAGS:
        if fields[name]:
            tags.setdefault(name, fields[name])
    bound = {name: value for name, value in fields.items() if name not in IDS}
    if bound:
        event.setdefault("contexts", {}).setdefault("bound_fields", bound)
    return event
