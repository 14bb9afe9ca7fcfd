"""One person of the chat on python-socketio's client.

In: the server's URL, a namespace, a nickname, transports; then lines on stdin, each JSON: an event and its arguments.
Out: lines of JSON: ["connected"], each event that comes as [name, arguments...], and ["answered", event, arguments...].
"""

import json
import sys
from threading import Lock

import socketio

url, namespace, nickname, transport = sys.argv[1:]
client = socketio.Client(reconnection=False)
# Events are handled in threads of their own.
one_line = Lock()


def tell(*what):
    with one_line:
        print(json.dumps(what), flush=True)


@client.on("*", namespace=namespace)
def heard(event, *args):
    tell(event, *args)


client.connect(
    url,
    namespaces=[namespace],
    auth={"nickname": nickname},
    transports=transport.split(","),
)
tell("connected", client.transport())
for line in sys.stdin:
    event, *args = json.loads(line)
    client.call(event, tuple(args), namespace=namespace, timeout=10)
    tell("answered", event, *args)
client.disconnect()
