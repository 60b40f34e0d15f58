"""Says something to a room: `pip install pika`, then `CLUSTER=chat python publish.py c:lobby news '{"text": "hello"}'`."""
import json, os, sys, zlib
import pika

room, event, data = sys.argv[1:]
body = json.dumps({"v": 1, "rooms": [room], "event": event, "args": [json.loads(data)]})
headers = {"CC": [f"p:{zlib.crc32(room.encode()) % 64}"]}  # a gateway with very many rooms hears by this key
connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("RABBITMQ_URL", "amqp://localhost")))
channel = connection.channel()
channel.confirm_delivery()
channel.basic_publish(os.environ["CLUSTER"] + ".outgoing", room, body, pika.BasicProperties(headers=headers))
connection.close()
