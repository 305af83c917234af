from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import loguru
import pytest
import structlog

from httptrace.local import (
    Context,
    JsonLogConfiguration,
    LogConfiguration,
    bind,
    current_context,
    job_context,
    loguru_patcher,
    request,
    structlog_processor,
)
from httptrace.local.logs import mark_error, request_fields


def bound() -> dict[str, object]:
    return dict(request.fields)


class Lines:
    """A logger with a handler as a configuration creates it."""

    def __init__(self, configuration: LogConfiguration) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(configuration.get_formatter())
        for each in configuration.get_filters():
            handler.addFilter(each)
        self.log = logging.Logger("app")
        self.log.addHandler(handler)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stream.getvalue().splitlines())


def test_bound_fields_end_the_lines_of_the_work():
    """Lines of standard logging have the fields at the end, until the job ends."""
    lines = Lines(LogConfiguration("shop"))
    with job_context("nightly", id="abc"):
        bind(user="ann")
        lines.log.info("hello")
        bind(cart=7, note='two words "and" = more\n')
        lines.log.info("again")
    lines.log.info("outside")
    assert list(lines) == [
        "shop: [nightly#abc] INFO - hello user=ann",
        'shop: [nightly#abc] INFO - again user=ann cart=7 note="two words \\"and\\" = more\\n"',
        "shop: [#] INFO - outside",
    ]


def test_bound_fields_are_in_json_structlog_and_loguru_alike():
    """Each kind of log has the same fields; arguments of a call take precedence."""
    lines = Lines(JsonLogConfiguration("shop"))
    capture = structlog.testing.CapturingLogger()
    events = structlog.wrap_logger(
        capture, processors=[structlog_processor, structlog.processors.JSONRenderer()]
    )
    texts: list[str] = []
    log = loguru.logger.patch(loguru_patcher)
    sink = log.add(texts.append, format="{extra[user]} {extra[cart]}")
    try:
        with job_context("nightly", id="abc"):
            bind(user="ann", cart={"items": 2})
            lines.log.info("hello")
            lines.log.info("hello", extra={"user": "bob"})
            events.info("hello")
            log.info("hello")
    finally:
        log.remove(sink)
    first, second = map(json.loads, lines)
    (event,) = (json.loads(call.args[0]) for call in capture.calls)
    for fields in (first, event):
        assert (fields["user"], fields["cart"]) == ("ann", {"items": 2})
        assert (fields["request_id"], "bound_fields" in fields) == ("abc", False)
    assert second["user"] == "bob"
    assert texts == ["ann {'items': 2}\n"]


def test_none_takes_a_field_away():
    """bind(name=None) removes a field before the work ends."""
    with job_context("nightly"):
        bind(user="ann", cart=7)
        bind(user=None)
        assert bound() == {"cart": 7}


def test_a_context_ends_what_is_bound_in_it():
    """Context() undoes bind like every write."""
    with job_context("nightly"):
        bind(user="ann")
        with Context():
            bind(user="bob", item=1)
        assert bound() == {"user": "ann"}


async def test_what_a_task_binds_stays_its_own():
    """Tasks inherit the fields of the code that starts them, and do not change them."""

    async def work(item: int) -> dict[str, object]:
        bind(item=item)
        await asyncio.sleep(0)
        return bound()

    with job_context("nightly"):
        bind(user="ann")
        found = await asyncio.gather(work(1), work(2))
        assert found == [{"user": "ann", "item": 1}, {"user": "ann", "item": 2}]
        assert bound() == {"user": "ann"}


def test_a_job_begins_with_what_is_bound_where_it_starts():
    """Jobs inherit the fields that were bound around them, in a request or outside."""
    with Context():
        bind(region="north")
        with job_context("outer"):
            assert bound() == {"region": "north"}
            bind(user="ann")
            with job_context("inner"):
                assert bound() == {"region": "north", "user": "ann"}
                bind(user="bob")
            assert bound() == {"region": "north", "user": "ann"}


def test_a_parent_hands_its_fields_on():
    """A scope with a parent begins with the parent's fields."""
    with job_context("outer"):
        bind(user="ann")
        handed = current_context()
    with job_context("inner", parent=handed):
        assert bound() == {"user": "ann"}


def test_an_error_that_is_logged_later_brings_the_fields_along():
    """A record about an exception has the fields that were bound when it was raised."""
    error = KeyError()
    with job_context("nightly", id="abc") as context:
        bind(user="ann")
        mark_error(error, context)
    assert request_fields(error)["user"] == "ann"
    assert "user" not in request_fields()


@pytest.mark.parametrize("name", ["message", "args", "request_id", "bound_fields", "levelname"])
def test_a_name_that_log_records_use_is_refused(name):
    """A field with the name of a record's attribute is refused."""
    with pytest.raises(ValueError, match=f"'{name}' is taken in log records"):
        bind(**{name: 1})


def test_a_value_that_cannot_be_shown_loses_no_line():
    """A value that cannot be shown is replaced by its class."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    lines = Lines(LogConfiguration("shop"))
    with job_context("nightly", id="abc"):
        bind(user=Broken())
        lines.log.info("hello")
    assert list(lines) == ["shop: [nightly#abc] INFO - hello user=<Broken: RuntimeError>"]
