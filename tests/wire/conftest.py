"""A server at the far end of a wire, for the tests that look at what passes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from .link import Wire, WireMissing
from .priority import CLIENT, real_time
from .scenarios import alone, undisturbed, warm_up
from .site import Site, site

FOLDER = Path(__file__).parent
NOT_URGENT = "no real-time priority can be had here: times would say how busy the machine is"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: all of them measure times."""
    for item in items:
        if item.path.parent == FOLDER:
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="module")
def shared_wire() -> Iterator[Wire]:
    """A wire for a whole file; skips aloud where none can be made."""
    try:
        with Wire() as wire:
            yield wire
    except WireMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def wire(shared_wire: Wire) -> Iterator[Wire]:
    """A wire without delay and loss, while no other process measures."""
    with alone(), real_time(CLIENT) as urgent:
        if not urgent:
            pytest.skip(NOT_URGENT)
        shared_wire.shape()
        shared_wire.frames()
        yield shared_wire


@pytest.fixture(scope="session")
def warm_site() -> Iterator[Site]:
    """A wire with a server, for the whole run, at which each kind of request was made once."""
    try:
        with site() as far:
            with undisturbed(far):
                asyncio.run(warm_up(far))
            yield far
    except WireMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def far(warm_site: Site) -> Iterator[Site]:
    """The same, with the test as its client."""
    with undisturbed(warm_site) as urgent:
        if not urgent:
            pytest.skip(NOT_URGENT)
        yield warm_site
