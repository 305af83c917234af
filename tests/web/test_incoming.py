from __future__ import annotations

import asyncio

import pytest

from httptrace.local import (
    Context,
    Local,
    bind,
    current_baggage,
    current_context,
    current_request_id,
    current_trace_context,
    request,
    request_fields,
)
from httptrace.web.incoming import Incoming

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
state = Local()


def opened(incoming: Incoming, path: str = "/x", **headers: str) -> Context:
    values = {name.replace("_", "-"): value for name, value in headers.items()}
    return incoming.open(values.get, path)


def test_what_comes_in_is_taken():
    """Id, path, trace and baggage of the request are set inside of the scope."""
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    with opened(
        Incoming(),
        x_request_id="abc",
        traceparent=parent,
        tracestate="v=1",
        baggage="user=ann",
    ):
        assert (request.id, request.path) == ("abc", "/x")
        assert (request.trace.trace_id, request.trace.tracestate) == (TRACE, "v=1")
        assert request.baggage["user"] == "ann"
    assert current_baggage() is None


def test_what_does_not_come_is_made():
    """Without headers there are a new id and a new trace, and no baggage."""
    with opened(Incoming()):
        assert len(request.id) == 36
        assert request.trace.parent_id == ""
        assert dict(request.baggage) == {}


@pytest.mark.parametrize("text", ["", "a b", "a\r\nX: y", "a" * 129, "a" * 1_000_000, "é", "a,b"])
def test_an_id_that_is_not_valid_is_replaced(text):
    """An id that is too long, empty or has harmful characters is replaced by a new one."""
    with opened(Incoming(generator=lambda: "made"), x_request_id=text):
        assert request.id == "made"


def test_a_validator_of_the_programs_own_decides():
    """A validator may allow more or less, and may raise ValueError."""
    digits = Incoming(validator=int, generator=lambda: "made")
    with opened(digits, x_request_id="12"):
        assert request.id == "12"
    with opened(digits, x_request_id="abc"):
        assert request.id == "made"
    anything = Incoming(validator=lambda text: True, generator=lambda: "made")
    with opened(anything, x_request_id="<b>,"):
        assert request.id == "<b>,"
    with opened(anything, x_request_id="a\nb"):
        assert request.id == "made"


@pytest.mark.parametrize("made", ["", "a\nb", None, 5, "x" * 2000])
def test_a_generator_that_goes_wrong_is_replaced(made):
    """The ids of a generator are checked too."""
    with opened(Incoming(generator=lambda: made)):
        assert len(request.id) == 36


def test_a_generator_that_raises_is_replaced(caplog):
    """If the generator fails, the request has another id, and the log says why."""

    def fail() -> str:
        raise KeyError("x")

    with opened(Incoming(generator=fail)):
        assert len(request.id) == 36
    (record,) = caplog.records
    assert (record.name, record.exc_info[0]) == ("httptrace.web", KeyError)


def test_another_header_can_carry_the_id():
    """header= is found whatever its case."""
    with opened(Incoming(header="X-Correlation-ID"), x_correlation_id="abc", x_request_id="no"):
        assert request.id == "abc"


def test_named_locals_start_empty():
    """With locals= these are empty in each request."""
    with Context(locals=(state,)):
        state.x = 1
        with opened(Incoming(locals=(state,))):
            assert not hasattr(state, "x")
        with opened(Incoming()):
            assert state.x == 1
            state.x = 2
        assert state.x == 1


async def coroutine(*arguments: str) -> str:
    return "x"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"header": "X Id"}, ValueError, "'X Id' is not a header name"),
        ({"header": "X-Id\r\nX: y"}, ValueError, "is not a header name"),
        ({"header": ""}, ValueError, "is not a header name"),
        ({"header": "Content-Length"}, ValueError, "has another meaning"),
        ({"header": 5}, TypeError, "header must be a str, not int"),
        ({"generator": "x"}, TypeError, "generator must be callable, not str"),
        ({"validator": None}, TypeError, "validator must be callable, not NoneType"),
        ({"generator": coroutine}, TypeError, "generator must be a plain function"),
        ({"validator": coroutine}, TypeError, "validator must be a plain function"),
        ({"locals": state}, TypeError, "locals must be a collection"),
    ],
)
def test_unusable_options_are_refused(options, error, text):
    """Invalid arguments are refused when the middleware is created, not at the first request."""
    with pytest.raises(error, match=text):
        Incoming(**options)


async def test_the_trace_is_the_same_in_every_task():
    """The trace is created once, wherever it is read first; a write replaces it."""

    async def read() -> object:
        return request.trace

    with opened(Incoming()):
        first, second = await asyncio.gather(read(), read())
        bind(user="ann")
        assert first is second is request.trace is current_trace_context()
        assert first is not None and len(first.trace_id) == 32
        assert dict(request) == {
            "id": request.id,
            "path": "/x",
            "trace": first,
            "fields": {"user": "ann"},
        }


@pytest.mark.parametrize("first", ["read", "list", "look", "write"])
def test_the_trace_is_there_whatever_is_done_first(first):
    """Listing, reading and writing names treat the trace as a set name."""
    with opened(Incoming(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"):
        if first == "list":
            assert "trace" in dict(request) and "trace" in dir(request)
        elif first == "look":
            assert "trace" in request
        elif first == "write":
            request.path = "/y"
        assert request.trace.trace_id == TRACE
        assert request_fields()["trace_id"] == TRACE


async def test_scopes_of_requests_may_be_left_in_any_order():
    """A request's scope that is left in another task, out of order or twice raises nothing."""
    incoming = Incoming()

    async def leave(context: Context) -> None:
        context.__exit__(None, None, None)

    first = opened(incoming, x_request_id="first").__enter__()
    second = opened(incoming, x_request_id="second").__enter__()
    first.__exit__(None, None, None)
    assert request.id == "second"
    second.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert current_request_id() is None
    third = opened(incoming, x_request_id="third").__enter__()
    await asyncio.create_task(leave(third))
    with Context():
        assert current_request_id() is None
    with pytest.raises(RuntimeError, match="was entered before"):
        third.__enter__()


def test_a_request_hands_its_values_to_a_worker():
    """A parent that is a request's context gives its id and values."""
    with opened(Incoming(), x_request_id="abc"):
        state.x = 1
        context = current_context()
    assert current_request_id() is None
    with Context(parent=context):
        assert (request.id, state.x) == ("abc", 1)
