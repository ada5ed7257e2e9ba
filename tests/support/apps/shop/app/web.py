import os
import socket

import flask
import redis
from pg8000 import native

app = flask.Flask(__name__)


@app.get("/")
def hello():
    return f"{os.environ['GREETING']} {socket.gethostname()}"


@app.post("/work")
def work():
    redis.Redis("redis").lpush("work", flask.request.get_data())
    return "queued"


@app.get("/done")
def done():
    rows = native.Connection("postgres", host="db").run("select number, square from done order by number")
    return " ".join(f"{number}:{square}" for number, square in rows)


app.run("0.0.0.0", 8000)
