"""The same bytes have the same result whole and in pieces: heads, bodies, codings."""

from __future__ import annotations

from typing import Any

import brotli
import pytest
from tests.body.packing import PACK, zstd
from tests.http1.feeding import Fed, received
from tests.http1.test_two_parsers import judged

from httptrace.body.content_coding import decoder_for
from httptrace.errors import ClientPayloadError

from .campaign import Campaign
from .making import cut, mutated, stream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b"some text, and more of it\n" * 3
CODED = [b"\0", b"\xff", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"\x03", b"\x06"]
"""How packed streams begin, and what ends them."""


def test_both_parsers(campaign: Campaign) -> None:
    """The fast and the full parser have the same result for the same bytes, however split."""
    for rng in campaign.cases(600):
        data = stream(rng, BODY[: rng.choice([0, 1, 20, 75])])
        method, end = rng.choice(["GET", "HEAD"]), rng.random() < 0.8
        pieces = cut(rng, data)
        campaign.notes.update(pieces=pieces, method=method, end=end)
        whole = received([data], method=method, end=end)
        assert judged(received(pieces, method=method, end=end)) == judged(whole)
        assert judged(received([data[:1], data[1:]], method=method, end=end)) == judged(whole)


def test_next_response(campaign: Campaign) -> None:
    """On a reused connection, the response is the next one and nothing else."""
    for rng in campaign.cases(600):
        data = stream(rng, BODY[: rng.choice([0, 1, 20, 75])])
        pieces = cut(rng, data)
        campaign.notes.update(pieces=pieces)
        fed = Fed(method=rng.choice(["GET", "HEAD"])).feed(*pieces)
        fed.check_places()
        if not fed.idle:
            continue
        assert fed.reuse()
        fed.request("GET")
        result = fed.feed(*cut(rng, OK)).result
        assert (result.status, result.body, result.trailers) == (200, b"ok", [])
        assert result.headers == [(b"Content-Length", b"2")]
        assert result.kept


def unpacked(coding: str, pieces: list[bytes], step: int) -> bytes | type[Exception]:
    """The decoded bytes of these pieces, with at most `step` bytes at a time."""
    decoder = decoder_for(coding)
    assert decoder is not None
    out = []
    try:
        for piece in pieces:
            out.append(decoder.feed(piece, step))
            while decoder.pending:
                out.append(decoder.feed(b"", step))
        decoder.finish()
    except ClientPayloadError as exc:
        assert str(exc)
        return ClientPayloadError
    return b"".join(out)


REFERENCES: dict[str, Any] = {"br": brotli.decompress, "zstd": zstd.decompress}
"""Libraries that unpack a whole body or refuse it, by coding."""


@pytest.mark.parametrize("name", PACK)
def test_codings(campaign: Campaign, name: str) -> None:
    """Changed encoded bytes are decoded the same in any pieces, or are always an error."""
    coding = name.split()[-1]
    for rng in campaign.cases(120):
        text = rng.randbytes(rng.choice([0, 5])) + b"some text " * rng.choice([0, 1, 500])
        data = PACK[name](text)
        if rng.random() < 0.2:
            data += PACK[name](b"more")
            text += b"more"
        changed = mutated(rng, data, rng.choice([1, 2]), CODED) if rng.random() < 0.8 else data
        pieces, step = cut(rng, changed), rng.choice([1, 7, 100, 65536])
        campaign.notes.update(changed=changed, pieces=pieces, step=step)
        whole = unpacked(coding, [changed], 65536)
        apart = unpacked(coding, pieces, step)
        campaign.notes.update(whole=whole, apart=apart)
        # Of a frame that is there whole, zstd checks that it is as long as it says.
        strict = coding == "zstd" and ClientPayloadError in (whole, apart)
        assert strict or apart == whole
        if changed == data and coding in ("gzip", "zstd"):
            assert whole == text
        if coding in REFERENCES:
            try:
                reference = REFERENCES[coding](changed)
            except (brotli.error, zstd.ZstdError):
                reference = ClientPayloadError
            campaign.notes.update(reference=reference)
            assert not changed or whole == reference
