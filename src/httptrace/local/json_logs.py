"""Log lines as JSON objects, with OpenTelemetry's names.

The names follow the log data model (timestamp, severity_text, severity_number, body, trace_id,
span_id) and the semantic conventions (service.name, exception.*, code.*, thread.*, process.pid).
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from httptrace.local.logs import LogConfiguration

# https://opentelemetry.io/docs/specs/otel/logs/data-model/, severity fields.
_SEVERITIES = ((50, 21), (40, 17), (30, 13), (20, 9), (10, 5), (0, 1))

# The attributes of every record are no extra fields. Formatters add `message` and `asctime`.
# `RequestIdLoggingFilter` adds `bound_fields`, and each of those fields under its own name.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "bound_fields",
}  # fmt: skip

_RENAMED = {"request_path": "url.path"}
_ONLY_WHEN_SET = frozenset({"request_id", "request_path", "trace_id", "span_id"})


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    :param service_name: the value of ``service.name``.

    ``extra`` and the fields of `bind` keep their names; one whose name is taken is prefixed
    ``extra.``. A value that JSON does not have is written as its ``str()``.
    """

    def __init__(self, service_name: str) -> None:
        super().__init__()
        self._service_name = service_name

    def format(self, record: logging.LogRecord) -> str:
        fields = self._fields(record)
        for name, value in vars(record).items():
            if name in _STANDARD or (name in _ONLY_WHEN_SET and value == ""):
                continue
            name = _RENAMED.get(name, name)
            fields[f"extra.{name}" if name in fields else name] = value
        return _dump(fields)

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        return {
            "timestamp": _utc(record.created),
            "severity_text": record.levelname,
            "severity_number": _severity(record.levelno),
            "body": record.getMessage(),
            "service.name": self._service_name,
            "otel.scope.name": record.name,
            "code.file.path": record.pathname,
            "code.function.name": record.funcName,
            "code.line.number": record.lineno,
            "thread.name": record.threadName,
            "process.pid": record.process,
            **_exception_fields(record),
        }


class JsonLogConfiguration(LogConfiguration):
    """`LogConfiguration` that writes one JSON object a line."""

    def get_formatter(self) -> logging.Formatter:
        return JsonFormatter(self.service_name)


def _utc(created: float) -> str:
    when = datetime.fromtimestamp(created, UTC)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _severity(level: int) -> int:
    return next((number for least, number in _SEVERITIES if level >= least), 1)


def _exception_fields(record: logging.LogRecord) -> dict[str, str]:
    fields = {}
    if isinstance(record.exc_info, tuple) and (error := record.exc_info[1]) is not None:
        fields["exception.type"] = _class_name(type(error))
        fields["exception.message"] = _text(error)
        fields["exception.stacktrace"] = "".join(traceback.format_exception(error))
    elif record.exc_text:  # a QueueHandler keeps only the text
        fields["exception.stacktrace"] = record.exc_text
    if record.stack_info:
        fields["code.stacktrace"] = record.stack_info
    return fields


def _class_name(cls: type) -> str:
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )


def _dump(fields: dict[str, Any]) -> str:
    try:
        return json.dumps(fields, default=_text, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        # A cycle, a NaN, or a key that JSON does not have: the field becomes text.
        return json.dumps({name: _json_safe(value) for name, value in fields.items()})


def _json_safe(value: Any) -> Any:
    try:
        json.dumps(value, default=_text, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return _text(value)
    return json.loads(json.dumps(value, default=_text))


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        # A log line must not be lost because one of its values cannot be shown.
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
