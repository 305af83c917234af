"""What type checkers see of the modules with aiohttp's names, and of objects that programs make."""

from __future__ import annotations

from typing import assert_type

from multidict import CIMultiDict
from yarl import URL

import httptrace
from httptrace import client, helpers, typedefs
from httptrace.client_middlewares import ClientMiddlewareType
from httptrace.client_proto import ResponseHandler
from httptrace.client_reqrep import ContentDisposition, MappingProxyType
from httptrace.http_exceptions import BadStatusLine, HttpProcessingError
from httptrace.multipart import parse_content_disposition
from httptrace.tracing import TraceRequestRedirectParams, TraceRequestStartParams


def misspelled_names_are_errors() -> None:
    """A name that does not exist is an error, although some names are imported on first use."""
    httptrace.ClientSesion()  # type: ignore[attr-defined]
    httptrace.local.Contxt()  # type: ignore[attr-defined]
    httptrace.web.Application()  # type: ignore[attr-defined]


def names_are_seen(header: str) -> None:
    """The modules show their types, as attributes of the package too."""
    assert_type(client.URL("http://a/"), URL)
    assert_type(httptrace.client.ClientSession, type[httptrace.ClientSession])
    assert_type(
        helpers.strip_auth_from_url(URL("http://a/")), tuple[URL, httptrace.BasicAuth | None]
    )
    assert_type(parse_content_disposition(header), tuple[str | None, dict[str, str]])
    error: HttpProcessingError = BadStatusLine(header)
    assert_type(error.code, int)
    values: list[typedefs.StrOrURL] = [header]
    assert_type(values, list[str | URL])


class Handler(ResponseHandler):
    """A user's protocol."""


def middlewares(given: ClientMiddlewareType, disposition: ContentDisposition) -> None:
    """Aliases can be used in annotations."""
    httptrace.ClientSession(middlewares=[given])
    parameters: MappingProxyType[str, str] = MappingProxyType({})
    assert_type(parameters, MappingProxyType[str, str])
    assert_type(disposition.filename, str | None)


def made_objects(url: URL, headers: CIMultiDict[str], response: httptrace.ClientResponse) -> None:
    """Requests, responses and events can be created with aiohttp's arguments."""
    assert_type(httptrace.ClientRequest("GET", url, params={"a": "b"}).url, URL)
    made = httptrace.ClientResponse("GET", url, writer=None, loop=None, session=None)
    made.status, made.reason = 200, "OK"
    assert_type(TraceRequestStartParams("GET", url, headers).method, str)
    event = TraceRequestRedirectParams(method="GET", url=url, headers=headers, response=response)
    assert_type(event.response, httptrace.ClientResponse)
