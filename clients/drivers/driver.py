"""Drives python-socketio's client: commands as JSON lines on standard input, what is heard on standard output. clients/driver.ts says what each means."""
import asyncio, base64, json, sys
from urllib.parse import urlsplit
import engineio, socketio

# Its own limit ends a polled connection that is sent more than 16 packets at once.
engineio.payload.Payload.max_decode_packets = 1000

clients = {}

def pack(value):
    if isinstance(value, bytes):
        return {"$binary": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [pack(it) for it in value]
    return {key: pack(it) for key, it in value.items()} if isinstance(value, dict) else value

def unpack(value):
    if isinstance(value, list):
        return [unpack(it) for it in value]
    if not isinstance(value, dict):
        return value
    return base64.b64decode(value["$binary"]) if "$binary" in value else {key: unpack(it) for key, it in value.items()}

def tell(name, what, **more):
    print(json.dumps({"as": name, "what": what, **more}), flush=True)

def listen(client, name, namespace):
    clients[name] = (client, namespace)
    def on_any(event, *args):
        tell(name, "event", event=event, args=pack(args))
        return args or None
    def on_refused(data=None):
        if isinstance(data, dict) and "data" in data:
            tell(name, "refused", data=data["data"])
    client.on("connect", lambda: tell(name, "connect"), namespace=namespace)
    client.on("disconnect", lambda *_: tell(name, "disconnect"), namespace=namespace)
    client.on("connect_error", on_refused, namespace=namespace)
    client.on("*", on_any, namespace=namespace)

async def run(command):
    name, do = command["as"], command["do"]
    if do == "connect":
        client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.5)
        url = urlsplit(command["url"])
        namespaces = {name: url.path or "/", **{it["as"]: it["namespace"] for it in command.get("joining", [])}}
        for each, namespace in namespaces.items():
            listen(client, each, namespace)
        # Without `wait` it does not leave all namespaces where one refuses it.
        return await client.connect(f"{url.scheme}://{url.netloc}?{url.query}", auth=command.get("auth"), transports=command["transports"], namespaces=list(namespaces.values()), wait=False)
    client, namespace = clients[name]
    args = tuple(unpack(command.get("args", [])))
    if do == "emit":
        await client.emit(command["event"], args, namespace=namespace)
    elif do == "ask":
        told = lambda *answer: tell(name, "ack", n=command["n"], args=pack(answer))
        await client.emit(command["event"], args, namespace=namespace, callback=told)
    elif do == "disconnect":
        await client.disconnect()

async def main():
    lines = asyncio.StreamReader(limit=10_000_000)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await run(json.loads(line))

asyncio.run(main())
