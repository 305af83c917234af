from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import sys

import pytest

from httptrace.local import JsonLogConfiguration, RequestIdLoggingFilter, job_context, request


def formatted(**attributes) -> dict[str, object]:
    record = logging.makeLogRecord(
        {"msg": "hello", "levelno": 20, "levelname": "INFO", **attributes}
    )
    RequestIdLoggingFilter().filter(record)
    text = JsonLogConfiguration("shop").get_formatter().format(record)
    assert "\n" not in text
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_line_has_the_names_of_opentelemetry():
    """Message, severity, time, logger, code and service have OpenTelemetry's names."""
    fields = formatted(
        name="app", created=0.5, pathname="/a.py", lineno=3, funcName="f", args=(), process=7
    )
    assert fields == {
        "timestamp": "1970-01-01T00:00:00.500000Z",
        "severity_text": "INFO",
        "severity_number": 9,
        "body": "hello",
        "service.name": "shop",
        "otel.scope.name": "app",
        "code.file.path": "/a.py",
        "code.function.name": "f",
        "code.line.number": 3,
        "thread.name": "MainThread",
        "process.pid": 7,
    }


def test_the_ids_of_the_work_are_there():
    """Request id, path, trace and span are fields; outside of any work they are absent."""
    with job_context("nightly", id="abc"):
        fields = formatted()
        assert fields["request_id"] == "abc"
        assert fields["url.path"] == "nightly"
        assert fields["trace_id"] == request.trace.trace_id
        assert fields["span_id"] == request.trace.span_id
    assert "request_id" not in formatted()


@pytest.mark.parametrize(
    ("level", "number"), [(5, 1), (10, 5), (20, 9), (25, 9), (30, 13), (40, 17), (50, 21), (60, 21)]
)
def test_severities_are_numbered(level, number):
    """Levels map to the severity numbers of the log data model."""
    assert formatted(levelno=level)["severity_number"] == number


def test_an_exception_is_told_in_fields():
    """Type, message and stack trace are fields of the same line."""
    try:
        raise KeyError("gone\nfor good")
    except KeyError:
        fields = formatted(exc_info=sys.exc_info())
    assert fields["exception.type"] == "KeyError"
    assert fields["exception.message"] == "'gone\\nfor good'"
    assert "Traceback" in fields["exception.stacktrace"]


def test_a_stack_is_told():
    """stack_info of a record is kept."""
    assert formatted(stack_info="Stack: x")["code.stacktrace"] == "Stack: x"


def test_an_exception_that_came_through_a_queue_is_kept():
    """A QueueHandler keeps only the exception's text, which becomes the stack trace."""
    handler = logging.handlers.QueueHandler(queue.SimpleQueue())
    try:
        raise KeyError("gone")
    except KeyError:
        record = logging.makeLogRecord({"msg": "hello", "levelno": 40, "exc_info": sys.exc_info()})
    text = JsonLogConfiguration("shop").get_formatter().format(handler.prepare(record))
    assert "KeyError: 'gone'" in text


def test_extra_is_kept():
    """Extra values have their own names, or a prefix if the name is one of ours."""
    fields = formatted(user="ann", nested={"a": [1, None]}, body="mine")
    assert fields["user"] == "ann"
    assert fields["nested"] == {"a": [1, None]}
    assert (fields["body"], fields["extra.body"]) == ("hello", "mine")


def test_what_json_cannot_hold_becomes_text():
    """Objects, cycles, NaN, odd keys and objects that cannot be shown never lose the line."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    cycle: list[object] = []
    cycle.append(cycle)
    fields = formatted(
        plain={1},
        cycle=cycle,
        number=float("nan"),
        keys={(1, 2): 3},
        broken=Broken(),
        ok={"a": 1},
        data=b"\xff",
    )
    assert fields["plain"] == "{1}"
    assert fields["cycle"] == "[[...]]"
    assert fields["number"] == "nan"
    assert fields["keys"] == "{(1, 2): 3}"
    assert fields["broken"] == "<Broken that cannot be shown: RuntimeError>"
    assert fields["ok"] == {"a": 1}
    assert fields["data"] == "b'\\xff'"


def test_line_breaks_in_a_message_stay_inside_of_the_line():
    """A message cannot forge a second line, nor break a parser with a lone surrogate."""
    assert formatted(msg='a\n{"body": "forged"}\u2028\ud800')["body"].startswith("a\n{")
