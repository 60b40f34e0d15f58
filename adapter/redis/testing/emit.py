"""Emits with an emitter of the official protocol in Python: emit.py <port> <prefix>"""
import asyncio, sys
import redis.asyncio
from socketio_emitter import Emitter


async def main():
    client = redis.asyncio.Redis(port=int(sys.argv[1]))
    emitter = Emitter(client=client, channel_prefix=sys.argv[2])
    async with emitter.namespace("/") as nsp:
        async with nsp.rooms("c:lobby") as lobby:
            await lobby.emit("to a room", {"text": "žluťoučký", "bytes": b"\x00\x01"})
        async with nsp.all_rooms() as everyone:
            await everyone.emit("to everyone", {"n": 1})
        async with nsp.all_rooms(except_=["c:lobby"]) as others:
            await others.emit("to others", {"n": 2})
    await client.aclose()


asyncio.run(main())
