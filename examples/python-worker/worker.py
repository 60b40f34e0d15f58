"""A worker in Python: `pip install pika redis msgpack`, then `CLUSTER=chat POOL=sums python worker.py`. docs/wire.md explains each line."""
import json, os, time
import msgpack, pika, redis

CLUSTER, POOL, PREFIX = os.environ["CLUSTER"], os.environ["POOL"], os.environ.get("PREFIX", "socket.io")
QUEUE = os.environ.get("MODE", "jobs") + "." + POOL  # MODE=requests for a pool of mode request
DELAYS = [int(ms) for ms in os.environ.get("DELAYS", "1000 2000 4000 8000").split()]  # the waits of the pool's `retry`

bus = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://localhost"))
amqp = pika.BlockingConnection(pika.URLParameters(os.environ.get("RABBITMQ_URL", "amqp://localhost")))
channel = amqp.channel()
channel.confirm_delivery()
channel.basic_qos(prefetch_count=1)

def emit(room, event, data, flags={}):
    message = ["emitter", {"type": 2, "data": [event, data], "nsp": "/"}, {"rooms": [room], "except": [], "flags": flags}]
    bus.publish(f"{PREFIX}#/#{room}#", msgpack.packb(message))

def tell(job, event, **data):  # the sender of a job; behind its ack, by the flag `job`
    if job["mode"] == "job" and "user" in job and not job["event"].startswith("$"):
        emit("u:" + job["user"], event, {"id": job["id"], **data}, {"job": job["user"] + "/" + job["id"]})

def reply(job, **answer):  # to the gateway that waits for a request's answer
    about = {key: job[key] for key in ("id", "user") if key in job}
    bus.publish(f"realtime:{CLUSTER}:bus:reply:{job['replyTo']}", json.dumps({"v": 1, **about, **answer}))

def put(queue, body, headers):  # confirmed before the delivery that it replaces is acknowledged
    channel.basic_publish("", f"{CLUSTER}.{queue}", body, pika.BasicProperties(delivery_mode=2, headers=headers), mandatory=True)

def handle(job):  # what this pool is for
    return {"sum": sum(job["payload"]["numbers"])}

def run(_, delivery, properties, body):
    headers, job = properties.headers or {}, json.loads(body)
    attempt = headers.get("x-attempt", 1) + headers.get("x-delivery-count", 0)
    try:
        result, error = handle(job), None
        json.dumps(result, allow_nan=False)  # what is no JSON is a failure, too
    except Exception as caught:
        error, failure = repr(caught)[:1000], {"code": "handler_failed", "message": "The handler threw"}
    if job["mode"] == "request":
        reply(job, error=failure) if error else reply(job, result=result)
    elif not error:
        tell(job, "job:done", result=result)
    elif attempt <= len(DELAYS):
        tell(job, "job:retry", attempt=attempt, inMs=DELAYS[attempt - 1])
        put(f"delay.{POOL}.{DELAYS[attempt - 1]}", body, {"x-attempt": attempt + 1})
    else:
        tell(job, "job:failed", error=failure)
        at = int(time.time() * 1000)
        put(f"dead.{POOL}", body, {"x-reason": "failed", "x-error": error, "x-attempts": attempt, "x-at": at, "x-original-key": QUEUE})
    channel.basic_ack(delivery.delivery_tag)

channel.basic_consume(f"{CLUSTER}.{QUEUE}", run)
print("ready", flush=True)
channel.start_consuming()
