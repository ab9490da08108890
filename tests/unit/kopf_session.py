"""What an API server answers to Kopf's watches."""

import aiohttp
from aiohttp import web

from tests.unit.api_server import ApiServer

BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n'


def tell(server: ApiServer, *pieces: bytes) -> None:
    """Have the server answer with these pieces, and end the answer properly."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    server.answer = answer


async def watched(server: ApiServer, session: aiohttp.ClientSession) -> bytes:
    """Return all bytes of a watch until it ends."""
    async with session.get(f"{server.url}/api/v1/pods?watch=true") as response:
        return b"".join([piece async for piece in response.content.iter_chunked(1024)])
