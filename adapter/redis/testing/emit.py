"""Emits with the emitter in Python that socket.io's own names beside its own: emit.py <port> <prefix>"""
import sys
from socket_io_emitter.emitter import Emitter

io = Emitter({"host": "127.0.0.1", "port": int(sys.argv[1]), "key": sys.argv[2]})
io.Emit("to everyone", {"n": 1})
io.To("c:lobby").Emit("to a room", {"text": "žluťoučký", "bytes": b"\x00\x01"})
io.To("b").Emit("to a room", 2)
