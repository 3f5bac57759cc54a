#!/usr/bin/python3
"""A page that hands work out, tells news, and shows what came of the work.

    /push/MESSAGE      hands a job to the worker, through a list
    /publish/MESSAGE   tells all who listen, through a channel
    /results           what came of all jobs
"""

import json
import os
from uuid import uuid4

from broker import JOBS, NEWS, connect, result_of
from flask import Flask, redirect, render_template

app = Flask(__name__)
broker = connect()
jobs = {}  # what this page handed out: the message of each job


@app.get("/")
def home():
    return redirect("/results")


@app.get("/push/<message>")
def push(message):
    job = uuid4().hex
    jobs[job] = message
    broker.lpush(JOBS, json.dumps({"job": job, "message": message}))
    return render_template("said.html", said=f"“{message}” was handed to a worker.")


@app.get("/publish/<message>")
def publish(message):
    count = broker.publish(NEWS, message)
    return render_template("said.html", said=f"“{message}” was told to {count}.")


@app.get("/results")
def results():
    messages = dict(jobs)
    found = broker.mget(map(result_of, messages)) if messages else []
    return render_template("results.html", rows=list(zip(messages.values(), found)))


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")))
