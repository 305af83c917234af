from __future__ import annotations

import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from httptrace.local.ids import is_printable_id, is_safe_id, new_id


def test_an_id_is_a_uuid_of_version_7_with_the_present_time():
    """RFC 9562: version, variant and the milliseconds since the epoch."""
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= after + 1


def test_ids_sort_in_the_order_they_were_made():
    """Later ids of a thread are greater, however fast they are made."""
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)


def test_ids_of_many_threads_are_unique():
    """Threads never make equal ids."""
    with ThreadPoolExecutor(8) as pool:
        batches = pool.map(lambda _: [new_id() for _ in range(2_000)], range(8))
    made = [each for batch in batches for each in batch]
    assert len(set(made)) == len(made)


def test_our_own_ids_are_safe():
    """An id that is made here is accepted by another service with the same check."""
    assert is_safe_id(new_id())


@pytest.mark.parametrize(
    "text", ["a", "A" * 128, "1-67891233-abc", "Root=1-2;Sampled=1", "a/b+c=="]
)
def test_usual_ids_are_safe(text):
    """Ids as other services make them are accepted."""
    assert is_safe_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "A" * 129, "a b", "a\n", "a\r\nX: y", "a\0", "é", "a,b", '"a"', "<b>", "%0a", "a\x1b[31m"],
)
def test_ids_that_could_do_harm_are_not_safe(text):
    """Line breaks, control characters, quotes, markup and too long ids are refused."""
    assert not is_safe_id(text)


@pytest.mark.parametrize("text", ["", "x" * 1025, "x" * 1_000_000, "a b", "a\n", "\x7f", "é"])
def test_no_validator_can_let_these_through(text):
    """The outer limit applies to every id."""
    assert not is_printable_id(text)


def test_a_forked_process_makes_ids_of_its_own():
    """Parent and child do not share random numbers that were read before the fork."""
    source = """if True:
        import os
        from httptrace.local.ids import new_id, random_hex
        new_id()
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, random_hex().encode())
            os._exit(0)
        os.wait()
        assert os.read(read, 16) != random_hex().encode()
    """
    environment = {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", source], check=True, env=environment)
