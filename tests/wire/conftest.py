"""A server at the far end of a wire, for the tests that look at what passes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from .link import Wire, WireMissing
from .priority import CLIENT, real_time
from .scenarios import alone, undisturbed, warm_up
from .site import Site, site

NOT_URGENT = "no real-time priority can be had here: times would say how busy the machine is"


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A wire at which no other process measures; skips aloud where none can be made."""
    try:
        with Wire() as wire, alone(), real_time(CLIENT) as urgent:
            if not urgent:
                pytest.skip(NOT_URGENT)
            yield wire
    except WireMissing as error:
        pytest.skip(str(error))


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
