"""python-socketio on uvicorn, with uvloop, httptools and websockets.

Comes in: `python server.py PORT`. Goes out: a line that begins `listening on`. What is odd: the library has no broadcast with
excepted rooms; the sockets to leave out are listed by its manager and given to `skip_sid`.
"""

import os
import sys

import engineio
import socketio
import uvicorn

# Messages of 1 MiB and their wrapping shall pass.
MAX_PAYLOAD = 2_000_000

# A client that polls may post more than the default of 16 packets at once; its documentation says to raise it so.
engineio.payload.Payload.max_decode_packets = 1000


def seconds(name, default):
    """A number of seconds from the environment."""
    return float(os.environ.get(name) or default)


sio = socketio.AsyncServer(
    async_mode="asgi",
    ping_interval=seconds("PING_INTERVAL", 25),
    ping_timeout=seconds("PING_TIMEOUT", 20),
    max_http_buffer_size=MAX_PAYLOAD,
)


@sio.event
async def broadcast(sid, payload):
    await sio.emit("msg", payload)


@sio.event
async def join(sid, room):
    await sio.enter_room(sid, room)


@sio.event
async def rooms(sid, rooms):
    for room in rooms:
        await sio.enter_room(sid, room)


@sio.event
async def leave(sid, room):
    await sio.leave_room(sid, room)


@sio.event
async def room(sid, room, payload):
    await sio.emit("msg", payload, room=room, skip_sid=sid)


@sio.on("except")
async def except_(sid, rooms, payload):
    skipped = [member for room in rooms for member, _ in sio.manager.get_participants("/", room)]
    await sio.emit("msg", payload, skip_sid=skipped)


@sio.event
async def echo(sid, payload):
    return payload


class Server(uvicorn.Server):
    """Says when it listens, as the runner expects it."""

    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        print(f"listening on {self.config.host}:{self.config.port}", flush=True)


config = uvicorn.Config(
    socketio.ASGIApp(sio),
    host="127.0.0.1",
    port=int(sys.argv[1]),
    log_level="warning",
    access_log=False,
    ws_max_size=MAX_PAYLOAD,
    ws_per_message_deflate=False,
    # Engine.IO has heartbeats of its own; a second one below it would only cost.
    ws_ping_interval=None,
    ssl_certfile=os.environ.get("TLS_CERT"),
    ssl_keyfile=os.environ.get("TLS_KEY"),
)
Server(config).run()
