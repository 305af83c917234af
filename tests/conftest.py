"""Fixtures of every test: both event loops, and a check of what the loop reports."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

pytest_plugins = ["tests.plugins.recording", "tests.servers.fixtures"]

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--loop``, to run coroutine tests on one loop only."""
    parser.addoption(
        "--loop",
        choices=("asyncio", "uvloop", "both"),
        default="both",
        help="the event loop that coroutine tests run on",
    )


def loop_factories() -> dict[str, LoopFactory]:
    """The loops that are available; without uvloop only asyncio's."""
    factories: dict[str, LoopFactory] = {"asyncio": asyncio.SelectorEventLoop}
    try:
        import uvloop
    except ImportError:
        return factories
    return factories | {"uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, LoopFactory]:
    """Run each coroutine test on each loop.

    A test that is about one of them says so: ``@pytest.mark.asyncio(loop_factories=["asyncio"])``.
    """
    factories = loop_factories()
    chosen = config.getoption("--loop")
    return factories if chosen == "both" else {chosen: factories[chosen]}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the collector pass over what pytest itself holds: many tests ask it for what they left.

    With ten thousand tests each of its rounds would take a tenth of a second.
    """
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    """Print the loops that the tests run on, so that a missing one is noticed."""
    return f"event loops: {', '.join(loop_factories())} (chosen: {config.getoption('--loop')})"


class Complaints(logging.Handler):
    """Keeps the reports of the event loop: lost exceptions, destroyed tasks, open transports."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture(autouse=True)
def quiet_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which the loop's exception handler had something to report.

    Such a report is logged and otherwise lost. Tests that provoke one carry the mark
    ``loop_errors``.
    """
    complaints = Complaints()
    logger = logging.getLogger("asyncio")
    logger.addHandler(complaints)
    yield
    logger.removeHandler(complaints)
    if complaints.texts and not request.node.get_closest_marker("loop_errors"):
        pytest.fail("the event loop reported:\n" + "\n".join(complaints.texts), pytrace=False)
