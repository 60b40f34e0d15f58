"""Says something to a room: `pip install pymongo`, then `CLUSTER=chat python publish-mongo.py c:lobby news '{"text": "hello"}'`."""
import json, os, sys
import pymongo

room, event, data = sys.argv[1:]
database = pymongo.MongoClient(os.environ.get("MONGO_URL", "mongodb://localhost")).get_default_database("realtime")
message = {"v": 1, "rooms": [room], "event": event, "args": [json.loads(data)]}
database[os.environ["CLUSTER"] + ".bus"].insert_one({"t": ["io:/", "io:/#" + room], "m": json.dumps(message)})
