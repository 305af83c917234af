from __future__ import annotations

import loguru
import structlog

from httptrace.local import job_context, loguru_patcher, request, structlog_processor
from httptrace.local.logs import mark_error


def test_structlog_events_carry_the_ids():
    """The processor adds the fields and keeps those that the event has."""
    capture = structlog.testing.CapturingLogger()
    log = structlog.wrap_logger(
        capture, processors=[structlog_processor, structlog.processors.JSONRenderer()]
    )
    with job_context("nightly", id="abc"):
        log.info("hello")
        log.info("hello", request_id="mine")
        trace_id = request.trace.trace_id
    log.info("outside")
    first, second, third = (call.args[0] for call in capture.calls)
    assert '"request_id": "abc"' in first
    assert f'"trace_id": "{trace_id}"' in first
    assert '"request_id": "mine"' in second
    assert '"request_id": ""' in third


def test_structlog_events_about_an_error_name_its_work():
    """An exception that is logged later still has its ids."""
    error = KeyError()
    with job_context("nightly", id="abc") as context:
        mark_error(error, context)
    assert structlog_processor(None, "error", {"exc_info": error})["request_id"] == "abc"
    exc_info = (KeyError, error, None)
    assert structlog_processor(None, "error", {"exc_info": exc_info})["request_id"] == "abc"
    assert structlog_processor(None, "error", {"exc_info": True})["request_id"] == ""


def test_structlog_events_about_the_present_error_name_its_work():
    """exc_info=True means the exception that is being handled."""
    try:
        with job_context("nightly", id="abc") as context:
            try:
                raise KeyError
            except KeyError as error:
                mark_error(error, context)
                raise
    except KeyError:
        event = structlog_processor(None, "error", {"exc_info": True})
    assert event["request_id"] == "abc"


def test_loguru_records_carry_the_ids():
    """The patcher adds to extra and keeps its fields; exceptions still have their ids."""
    lines: list[str] = []
    log = loguru.logger.patch(loguru_patcher)
    sink = log.add(lines.append, format="{extra[request_id]}|{extra[request_path]}|{message}")
    error = KeyError()
    try:
        with job_context("nightly", id="abc") as context:
            log.info("hello")
            log.bind(request_id="mine").info("hello")
            mark_error(error, context)
        log.opt(exception=error).error("later")
        log.info("outside")
    finally:
        log.remove(sink)
    assert lines[0] == "abc|nightly|hello\n"
    assert lines[1] == "mine|nightly|hello\n"
    assert lines[2].startswith("abc|nightly|later")
    assert lines[3] == "||outside\n"
