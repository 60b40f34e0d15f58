"""A worker that is a socket.io client: `pip install "python-socketio[client]"`, then `KEY=… python worker.py`. docs/workers-as-clients.md explains each line."""
import os, time
import socketio

sio = socketio.Client()

def slowly(job):
    for done in range(job["payload"]["steps"]):
        sio.emit("job:progress", {"run": job["run"], "progress": done / job["payload"]["steps"]}, namespace="/workers")
        time.sleep(0.1)
    return {"by": os.getpid(), "attempt": job["attempt"]}

HANDLERS = {"sum:numbers": lambda job: {"sum": sum(job["payload"]["numbers"])}, "sum:slowly": slowly}

@sio.on("job", namespace="/workers")
def run(job):
    try:
        sio.emit("job:done", {"run": job["run"], "result": HANDLERS[job["event"]](job)}, namespace="/workers")
    except Exception as error:
        sio.emit("job:failed", {"run": job["run"], "error": repr(error)}, namespace="/workers")

sio.on("connect", lambda: print("ready", flush=True), namespace="/workers")
sio.on("connect_error", lambda why: print(why, flush=True), namespace="/workers")

auth = {"key": os.environ["KEY"], "pools": [os.environ.get("POOL", "sums")], "credit": 1, "name": "sums-in-python"}
sio.connect(os.environ.get("API_URL", "http://localhost:3001"), auth=auth, namespaces=["/workers"], transports=["websocket"], retry=True)
sio.wait()
