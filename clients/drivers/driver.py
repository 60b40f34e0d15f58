"""Drives python-socketio's client: commands as JSON lines on standard input, what is heard on standard output. clients/driver.ts says what each means."""
import base64, json, sys, threading
from urllib.parse import urlsplit
import socketio

clients, lock = {}, threading.Lock()

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
    with lock:
        print(json.dumps({"as": name, "what": what, **more}), flush=True)

def listen(client, name, namespace):
    def on_any(event, *args):
        tell(name, "event", event=event, args=pack(args))
        return args or None
    client.on("connect", lambda: tell(name, "connect"), namespace=namespace)
    client.on("disconnect", lambda *_: tell(name, "disconnect"), namespace=namespace)
    client.on("connect_error", lambda data=None: isinstance(data, dict) and "data" in data and tell(name, "refused", data=data["data"]), namespace=namespace)
    client.on("*", on_any, namespace=namespace)

def connect(name, url, transports, auth, joining=()):
    client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.5)
    address = urlsplit(url)
    namespace = address.path or "/"
    clients[name] = (client, namespace)
    listen(client, name, namespace)
    for other, its in joining:
        clients[other] = (client, its)
        listen(client, other, its)
    def run():
        try:
            client.connect(f"{address.scheme}://{address.netloc}", auth=auth, transports=transports, namespaces=[namespace, *(its for _, its in joining)])
        except socketio.exceptions.ConnectionError:
            pass  # connect_error was told
    threading.Thread(target=run, daemon=True).start()

for line in sys.stdin:
    command = json.loads(line)
    name, do = command["as"], command["do"]
    if do == "connect":
        connect(name, command["url"], command["transports"], command.get("auth"), [(it["as"], it["namespace"]) for it in command.get("joining", [])])
        continue
    client, namespace = clients[name]
    args = tuple(unpack(command.get("args", [])))
    if do == "emit":
        client.emit(command["event"], args, namespace=namespace)
    elif do == "ask":
        client.emit(command["event"], args, namespace=namespace, callback=lambda *answer, n=command["n"], name=name: tell(name, "ack", n=n, args=pack(answer)))
    elif do == "disconnect":
        client.disconnect()
