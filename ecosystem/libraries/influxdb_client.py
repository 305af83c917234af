"""Points are written compressed, a query is read as a stream, errors are the library's."""

from __future__ import annotations

import gzip

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["influxdb-client[async]"]
WAY = "alias"

CSV = """#datatype,string,long,dateTime:RFC3339,double,string
#group,false,false,false,false,true
#default,_result,,,,
,result,table,_time,_value,_field
,,0,2025-01-01T00:00:00Z,1.5,degrees
,,0,2025-01-01T00:00:01Z,2.5,degrees
"""


async def query(request: web.Request) -> web.Response:
    """Two values."""
    return web.Response(text=CSV.replace("\n", "\r\n"), content_type="text/csv")


async def test_points_are_written_and_read() -> None:
    """The written lines arrive; the values are those of the answer."""
    from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
    from influxdb_client.rest import ApiException

    lines: list[bytes] = []

    async def write(request: web.Request) -> web.Response:
        if request.query["bucket"] == "none":
            return web.json_response({"code": "not found", "message": "no bucket"}, status=404)
        body = await request.read()
        lines.append(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
        return web.Response(status=204)

    async with serve({"/api/v2/write": write, "/api/v2/query": query}) as url:
        async with InfluxDBClientAsync(url, "token", org="org", enable_gzip=True) as client:
            point = "air degrees=1.5 1"
            assert await client.write_api().write(bucket="bucket", record=point)
            records = await client.query_api().query_stream("from(bucket: 'bucket')")
            assert [record.get_value() async for record in records] == [1.5, 2.5]
            try:
                await client.write_api().write(bucket="none", record=point)
            except ApiException as error:
                assert error.status == 404
            else:
                raise AssertionError("the error was not raised")
    assert lines == [b"air degrees=1.5 1"]
