from __future__ import annotations

import asyncio

import pytest

from httptrace.local import (
    Context,
    Local,
    UnsetLocalError,
    current_baggage,
    current_request_id,
    current_trace_context,
    job_context,
    request,
)
from httptrace.local.request import printable_path

state = Local()


def test_outside_of_work_there_is_nothing():
    """Without a request or job the functions return None and the names are unset."""
    assert current_request_id() is None
    assert current_trace_context() is None
    assert current_baggage() is None
    assert request.trace is None
    with pytest.raises(UnsetLocalError):
        _ = request.id


def test_a_job_has_ids_of_its_own():
    """job_context sets id, path and trace, and removes them at the end."""
    with job_context("nightly") as context:
        assert request.path == "nightly"
        assert current_request_id() == request.id == context.ident
        assert current_trace_context() is request.trace
        first = request.id
    assert current_request_id() is None
    with job_context("nightly"):
        assert request.id != first


def test_jobs_nest():
    """A job inside of a job has its own id; the outer one is restored."""
    with job_context("outer", id="1"):
        with job_context("inner", id="2"):
            assert current_request_id() == "2"
        assert current_request_id() == "1"


async def test_a_job_follows_its_tasks():
    """Tasks of a job belong to it, also after it has ended."""

    async def tell() -> str | None:
        await asyncio.sleep(0)
        return current_request_id()

    async with job_context("job", id="1"):
        task = asyncio.create_task(tell())
    assert await task == "1"


def test_a_job_undoes_what_is_written_inside():
    """Without `locals` every Local is restored; with them, they start empty."""
    with Context(locals=(state,)):
        state.x = 1
        with job_context("job"):
            assert state.x == 1
            state.x = 2
        assert state.x == 1
        with job_context("job", locals=(state,)):
            assert not hasattr(state, "x")
            assert request.path == "job"
        assert state.x == 1
    assert current_request_id() is None


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_job_needs_a_name(name):
    """A job needs a name."""
    with pytest.raises(ValueError, match="a job needs a name"):
        job_context(name)


@pytest.mark.parametrize("text", ["a\nb", "", "x" * 2000])
def test_an_id_that_could_do_harm_is_refused(text):
    """The id of a job is checked like ids from outside."""
    with pytest.raises(ValueError, match="id must be visible ASCII"):
        job_context("job", id=text)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/users/é", "/users/é"),
        ("/a\r\nb", "/a%0D%0Ab"),
        ("/\x1b[31m", "/%1B[31m"),
        ("/\u2028", "/%E2%80%A8"),
        ("/\ud800", "/%ED%A0%80"),
    ],
)
def test_a_path_stays_on_one_line(path, shown):
    """Control characters and line separators are percent-encoded again."""
    assert printable_path(path) == shown


def test_a_long_path_is_cut():
    """A very long path is truncated."""
    assert len(printable_path("/" + "a" * 1_000_000)) == 1024
