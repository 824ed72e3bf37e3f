"""A whole CDN on this machine, stopped and started again: its edges are warm."""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import urllib.request

import pytest

BIN = pathlib.Path(os.environ["YZ_BIN"])
NEEDED = ("yz", "yz-control", "yz-gslb", "yz-agent", "yz-edge")
if not all((BIN / name).exists() for name in NEEDED):
    pytest.skip("not all programs are built: ./dev build", allow_module_level=True)

FILES = {f"file{i}.bin": bytes((i * 7 + k * 13) % 251 for k in range(5000 + i * 1000)) for i in range(20)}


class Up:
    """`yz up` until the end of the block; then it is asked to stop, as Ctrl-C does."""

    def __init__(self, folder):
        self.folder = folder
        port = 20_000 + os.getpid() % 10_000
        self.process = subprocess.Popen(
            [BIN / "yz", "--state", folder / "cluster", "up", "--site", folder / "site", "--memory", "32MiB", "--disk", "64MiB", "--port", str(port)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "What to type next" in line:
                break
        watchdog.cancel()
        assert self.process.poll() is None, "".join(said)
        self.plan = json.loads((self.folder / "cluster/cluster.json").read_text())
        self.edge = re.search(r"edge (?:beijing\S*) \(.*?http://([0-9.]+:[0-9]+)", "".join(said)).group(1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.read()
        assert self.process.wait(30) == 0

    def get(self, path):
        request = urllib.request.Request(f"http://{self.edge}/{path}", headers={"Host": "www.site.test"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            own = answer.headers.get_all("Cache-Status")[-1].split(",")[-1]  # RFC 9211: the nearest cache's comes last
            return own, answer.read()


def test_edges_are_warm_after_a_restart(tmp_path):
    (tmp_path / "site").mkdir()
    for name, body in FILES.items():
        (tmp_path / "site" / name).write_bytes(body)
    with Up(tmp_path) as cdn:
        for name, body in FILES.items():
            assert cdn.get(name)[1] == body
        assert all("; hit" in cdn.get(name)[0] for name in FILES)
    for name in FILES:
        (tmp_path / "site" / name).unlink()  # so that an origin that is asked says so
    with Up(tmp_path) as cdn:
        for name, body in FILES.items():
            status, got = cdn.get(name)
            assert got == body
            assert "; hit" in status and "detail=disk" in status, status
