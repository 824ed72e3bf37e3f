"""A whole CDN on production's stores, real servers in its own folder: stopped and started again it has its state, its
secrets are in no command line and no log; and the demo's story holds on it, the death of the instance that leads included."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import urllib.request

import pytest

BIN = pathlib.Path(os.environ["YZ_BIN"])
NEEDED = ("yz", "yz-control", "yz-gslb", "yz-agent", "yz-edge")
if not all((BIN / name).exists() for name in NEEDED):
    pytest.skip("not all programs are built: ./dev build", allow_module_level=True)
PATHS = os.environ.get("PATH", "") + ":/usr/sbin"
if shutil.which("mariadbd", path=PATHS) is None or shutil.which("mariadb-install-db", path=PATHS) is None:
    pytest.skip("mariadbd is missing: apt-get install mariadb-server-core", allow_module_level=True)


def family(pid):
    """Process ids of a process and all its descendants."""
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            out += family(int(child))
    return out


class Up:
    """`yz up` until the end of the block; then it is asked to stop, as Ctrl-C does."""

    def __init__(self, folder, *options):
        self.folder = folder
        port = 20_000 + (os.getpid() + 5_000) % 10_000
        self.process = subprocess.Popen(
            [BIN / "yz", "--state", folder, "up", "--memory", "32MiB", "--disk", "0", "--port", str(port), *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        watchdog = threading.Timer(120, self.process.kill)
        watchdog.start()
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "What to type next" in line:
                break
        watchdog.cancel()
        assert self.process.poll() is None, "".join(said)
        self.plan = json.loads((self.folder / "cluster.json").read_text())
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.read()
        assert self.process.wait(60) == 0

    def call(self, port, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.plan['api_token']}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read())


def test_a_cluster_on_production_stores_keeps_its_state_and_its_secrets(tmp_path):
    folder = tmp_path / "cluster"
    with Up(folder, "--production") as cdn:
        first, second = cdn.plan["ports"]["api"], cdn.plan["production"]["api"]
        assert [cdn.call(port, "GET", "/healthz")["leader"] for port in (first, second)].count(True) == 1
        made = cdn.call(second, "POST", "/api/v1/tenants", {"name": "kept"})
        assert cdn.call(first, "GET", f"/api/v1/tenants/{made['id']}")["name"] == "kept"
        secrets = [cdn.plan["api_token"], *(cdn.plan["production"][key] for key in cdn.plan["production"] if key.endswith("password"))]
        lines = [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in family(cdn.process.pid)]
        assert any("mariadbd" in line for line in lines)
        assert not [line for line in lines for secret in secrets if secret in line]
    assert not list(folder.glob("control*/control.db"))
    for file in (*folder.rglob("*.log"), *folder.rglob("*.err")):
        assert not [secret for secret in secrets if secret in file.read_text(errors="replace")], file
    for file in (folder / "cluster.json", folder / "control.yaml", folder / "mariadb/init.sql", folder / "mariadb/mariadb.cnf"):
        assert file.stat().st_mode & 0o077 == 0, file
    with Up(folder) as cdn:  # it remembers its stores
        for port in (cdn.plan["ports"]["api"], cdn.plan["production"]["api"]):
            assert cdn.call(port, "GET", f"/api/v1/tenants/{made['id']}")["name"] == "kept"


def test_an_embedded_cluster_is_not_taken_for_one_of_production(tmp_path):
    ports = {name: 0 for name in ("api", "rpc", "dns", "gslb", "edge", "https", "origin")}
    (tmp_path / "cluster.json").write_text(json.dumps({
        "ports": ports, "api_token": "t", "cluster_key": "k", "zone": "cdn.test", "domain": "www.site.test"}))
    ended = subprocess.run([BIN / "yz", "--state", tmp_path, "up", "--production"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1 and "--state" in ended.stderr


def test_the_demo_holds_on_production_stores():
    ended = subprocess.run([BIN / "yz", "demo", "--production", "--quick", "--only", "9", "10"],
                           capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "takes a refresh at once" in ended.stdout and "demo passed" in ended.stdout
