"""Celery tasks in a real worker process, their messages in files."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from httptrace.local import current_request_id, job_context, request

pytest.importorskip("celery", reason="Celery is not installed: its tasks are not tested")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def celery_app(tmp_path_factory: pytest.TempPathFactory):
    """The sender's side of the application, with a running worker."""
    directory = tmp_path_factory.mktemp("celery")
    for name in ("queue", "control"):
        (directory / name).mkdir()
    os.environ["CELERY_DIRECTORY"] = str(directory)
    try:
        application = importlib.import_module("tests.local.celery_app")
        with worker(directory):
            yield application
    finally:
        del os.environ["CELERY_DIRECTORY"]


class worker:
    """A worker in a process of its own."""

    def __init__(self, directory: Path) -> None:
        command = ["-m", "celery", "-A", "tests.local.celery_app", "worker", "-P", "solo"]
        path = os.pathsep.join([str(ROOT), str(ROOT / "src"), *sys.path])
        self._log = (directory / "output").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, *command, "--without-gossip", "--without-mingle"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        self._log.close()


def test_a_task_has_the_ids_of_the_request_that_sent_it(celery_app):
    """Id and trace are the sender's, the span is a new child of the sender's."""
    with job_context("nightly", id="abc"):
        trace = request.trace
        told = celery_app.tell.delay().get(timeout=30)
    assert told == {
        "id": "abc",
        "path": "tests.local.celery_app.tell",
        "trace": trace.trace_id,
        "of": trace.span_id,
    }


def test_a_task_that_nothing_sent_has_its_own_id(celery_app):
    """Outside of any request or job the task's id is the request id, and the trace is new."""
    sent = celery_app.tell.delay()
    told = sent.get(timeout=30)
    assert (told["id"], told["of"]) == (sent.id, "")


def test_a_task_that_sends_another_hands_its_ids_on(celery_app):
    """The ids are passed on through a chain of tasks."""
    with job_context("nightly", id="chain"):
        second = celery_app.tell_later.delay().get(timeout=30)
    assert celery_app.app.AsyncResult(second).get(timeout=30)["id"] == "chain"


def test_the_workers_lines_name_the_sender(celery_app):
    """The task's lines and those of Celery about its failure carry the id."""
    with job_context("nightly", id="failing"):
        celery_app.tell.delay().get(timeout=30)
        with pytest.raises(KeyError):
            celery_app.fail.delay().get(timeout=30)
    lines = (celery_app.directory / "log").read_text().splitlines()
    name = "tests.local.celery_app"
    assert f"worker: [{name}.tell#failing] INFO - telling" in lines
    assert [each for each in lines if f"[{name}.fail#failing] ERROR - Task {name}.fail" in each]


@pytest.fixture
def eager(celery_app) -> Iterator[None]:
    """Tasks that run in the process of their sender."""
    celery_app.app.conf.task_always_eager = True
    yield
    celery_app.app.conf.task_always_eager = False


@pytest.mark.usefixtures("eager")
def test_an_eager_task_has_the_ids_too(celery_app):
    """A task that runs in the sender's process has a scope of its own, which ends with it."""
    with job_context("nightly", id="abc"):
        told = celery_app.tell.delay().get()
        assert (request.id, request.path) == ("abc", "nightly")
    assert (told["id"], told["path"]) == ("abc", "tests.local.celery_app.tell")
    assert current_request_id() is None
