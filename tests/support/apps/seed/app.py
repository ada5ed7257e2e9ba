import contextlib
import os

import flask
from pg8000 import native

app = flask.Flask(__name__)


@app.route("/", methods=["GET", "POST"])
def notes():
    with contextlib.closing(native.Connection("postgres", host=os.environ["DATABASE"])) as db:
        db.run("create table if not exists notes (text text)")
        if flask.request.method == "POST":
            db.run("insert into notes values (:text)", text=flask.request.get_data(as_text=True))
        return " ".join(["first:", *(row[0] for row in db.run("select text from notes order by text"))])


app.run("0.0.0.0", 8000)
