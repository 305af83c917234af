"""The ids and bound fields in the logs of structlog and loguru. Neither is imported here."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from httptrace.local.logs import request_fields

if TYPE_CHECKING:
    from loguru import Record


def structlog_processor(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor that adds ``request_id``, ``request_path``, ``trace_id``, ``span_id``
    and the fields of `bind`, except those that the event has already:
    ``processors=[structlog_processor, ...]``.
    """
    error = event_dict.get("exc_info")
    if error is True:
        error = sys.exception()
    error = error[1] if isinstance(error, tuple) else error
    for field, value in request_fields(error if isinstance(error, BaseException) else None).items():
        event_dict.setdefault(field, value)
    return event_dict


def loguru_patcher(record: Record) -> None:
    """A loguru patcher that adds the same fields to ``extra``, except those that it has already:
    ``logger.configure(patcher=loguru_patcher)``, then ``{extra[request_id]}`` in a format."""
    exception = record["exception"]
    error = None if exception is None else exception.value
    for field, value in request_fields(error).items():
        record["extra"].setdefault(field, value)
