"""`bind`: log fields of the program's own, for every line of the running request or job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from httptrace.local.request import NO_FIELDS, current_work, request

# The names that a log record has by itself (https://docs.python.org/3/library/logging.html,
# LogRecord attributes), and ours.
_TAKEN = frozenset(
    """
    args asctime created exc_info exc_text filename funcName levelname levelno lineno message module
    msecs msg name pathname process processName relativeCreated stack_info taskName thread
    threadName bound_fields request_id request_path span_id trace_id
    """.split()
)


def bind(**fields: Any) -> None:
    """Add fields to every log line that the running request or job writes from now on.

    ``bind(user="ann", cart=7)`` puts ``user`` and ``cart`` into the lines of standard logging,
    structlog and loguru, and into Sentry's events, without ``extra``. ``None`` removes a field.

    The fields end with the request, the job, or the ``Context()`` in which they were bound. A task
    or job that is started inside has them, and what it binds stays its own. Fields that are bound
    before the application starts are in the lines of every request.

    :raises ValueError: a field has the name of an attribute of log records, or of the ids.
    """
    if taken := _TAKEN & fields.keys():
        raise ValueError(f"{min(taken)!r} is taken in log records: choose another name")
    bound = {**current_work().get("fields", NO_FIELDS), **fields}
    request.fields = MappingProxyType({k: v for k, v in bound.items() if v is not None})


def as_text(fields: Mapping[str, Any]) -> str:
    """The fields for the end of a line: each as ``name=value`` with a space before it."""
    return "".join(f" {name}={_shown(value)}" for name, value in fields.items())


def _shown(value: Any) -> str:
    try:
        text = str(value)
    except Exception as error:  # a log line must not be lost because a value cannot be shown
        return f"<{type(value).__name__}: {type(error).__name__}>"
    plain = text.isprintable() and text and not any(char in text for char in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())
