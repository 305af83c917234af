"""Sentry's events, as a real server at the DSN receives them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed: its events are not tested")

PROGRAM = """
import logging, sys
import sentry_sdk
from httptrace import bind, instrument_sentry, job_context
from httptrace.local.logs import mark_error

instrument_sentry()
sentry_sdk.init(sys.argv[1], default_integrations=False,
    _experiments={"transport_compression_algo": "gzip"})
instrument_sentry()
try:
    with job_context("nightly", id="abc") as context:
        bind(user="ann")
        sentry_sdk.capture_message("inside")
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("request_id", "mine")
            sentry_sdk.capture_message("tagged")
        try:
            raise KeyError("gone")
        except KeyError as error:
            mark_error(error, context)
            raise
except KeyError as error:
    sentry_sdk.capture_exception(error)
sentry_sdk.capture_message("outside")
sentry_sdk.flush()
"""


@pytest.fixture
def sentry() -> Iterator[tuple[str, list[dict]]]:
    """A server that receives envelopes, and the events in them."""
    events: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            events.extend(filter(is_event, map(json.loads, body.splitlines()[1:])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://key@127.0.0.1:{server.server_port}/1", events
    server.shutdown()
    thread.join()
    server.server_close()


def is_event(part: dict) -> bool:
    return "event_id" in part


def test_events_are_tagged_with_the_ids(sentry):
    """An event has the ids of its work, an exception those of the work that raised it; tags of the
    program's own stay."""
    dsn, events = sentry
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", PROGRAM, dsn], check=True, env=environment, timeout=50)
    inside, tagged, raised, outside = events
    assert inside["tags"]["request_id"] == "abc"
    assert len(inside["tags"]["trace_id"]) == 32
    assert inside["contexts"]["bound_fields"] == {"user": "ann"}
    assert tagged["tags"]["request_id"] == "mine"
    assert raised["tags"] == inside["tags"]
    assert raised["contexts"]["bound_fields"] == {"user": "ann"}
    assert "request_id" not in outside.get("tags", {})
