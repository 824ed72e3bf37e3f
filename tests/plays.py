"""What the plays of this folder share: where the programs are, free ports, patience, and a whole CDN on this machine.

A play that needs programs begins with `need("yz-control")`, so that it is skipped with the reason where they are missing."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(os.environ.get("YZ_ROOT", pathlib.Path(__file__).resolve().parent.parent))
BIN = pathlib.Path(os.environ.get("YZ_BIN", ROOT / "build" / "release" / "bin"))
CDN = ("yz", "yz-control", "yz-gslb", "yz-agent", "yz-edge")
HOST = "127.0.0.1"

sys.path.insert(0, str(ROOT / "bench"))
from lib.process import eventually, free_port, listens  # noqa: E402, F401 (for plays)


def need(*programs):
    """Skips the play whose first lines call it unless our `programs` are built."""
    missing = [name for name in programs if not (BIN / name).exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not built: ./dev build", allow_module_level=True)


def installed(program, package):
    """Where a program of the system is, /usr/sbin included; skips the play without it."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        pytest.skip(f"{program} is missing: apt-get install {package}", allow_module_level=True)
    return path


def wait_for_line(process, text, seconds):
    """Reads the output of `process` until a line has `text`, and goes on reading it unseen; returns what it said."""
    watchdog = threading.Timer(seconds, process.kill)
    watchdog.start()
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            break
    watchdog.cancel()
    assert process.poll() is None, "".join(said)
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return "".join(said)


class ControlApi:
    """An operator's calls to the yz-control at `port` of this machine, with `token`."""

    def __init__(self, port, token):
        self.port, self.token = port, token

    def call(self, method, path, body=None, **headers):
        """The JSON of the answer; raises urllib.error.HTTPError for a refusal."""
        request = urllib.request.Request(f"http://{HOST}:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read() or b"null")

    def health(self):
        """None while it does not answer."""
        try:
            return self.call("GET", "/healthz")
        except OSError:
            return None


@contextlib.contextmanager
def edge(folder, origin, *flags, **how):
    """yz-edge by itself before the origin at this port, its log in folder/edge.log; gives its port. `how` is Popen's."""
    port = free_port()
    with open(folder / "edge.log", "wb") as log:
        process = subprocess.Popen(
            [BIN / "yz-edge", "--listen", f"{HOST}:{port}", "--origin", f"http://{HOST}:{origin}", "--memory", "64MiB", *flags],
            stdout=log, stderr=log, **how)
    try:
        eventually(lambda: listens(port), 20, process=process, log=folder / "edge.log")
        yield port
        assert process.poll() is None, (folder / "edge.log").read_text()
    finally:
        process.terminate()
        process.wait(10)


class Cdn:
    """`yz up` with a site of its own, and calls to its API. `stop` asks it to stop as Ctrl-C does."""

    def __init__(self, folder, *flags):
        self.folder = folder
        (folder / "site").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [BIN / "yz", "--state", folder / "cluster", "up", "--site", folder / "site", "--memory", "32MiB", "--port",
             str(free_port()), *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = wait_for_line(self.process, "What to type next", 90)
        self.plan = json.loads((folder / "cluster/cluster.json").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0

    def yz(self, *arguments):
        return subprocess.run([BIN / "yz", "--state", self.folder / "cluster", *arguments], capture_output=True, text=True,
                              timeout=200)

    def call(self, method, path, body=None):
        """The status and the JSON of an operator's call to /api/v1/`path`."""
        request = urllib.request.Request(f"http://{HOST}:{self.plan['ports']['api']}/api/v1/{path}",
                                         None if body is None else json.dumps(body).encode(), method=method)
        request.add_header("Authorization", f"Bearer {self.plan['api_token']}")
        request.add_header("If-Match", "*")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
