"""Two yz-control on one MariaDB, NATS and Redis: the one that leads, NATS and Redis are killed with SIGKILL while changes
and refreshes are accepted on both. Nothing accepted is lost or done twice, numbers have no gap, the other leads within
seconds."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import uuid

import pytest

from plays import BIN, ControlApi, eventually, free_port, installed, listens, need

need("yz-control")
MARIADBD = installed("mariadbd", "mariadb-server-core")
installed("my_print_defaults", "mariadb-client-core")
INSTALL = installed("mariadb-install-db", "mariadb-server-core")
NATS = installed("nats-server", "nats-server")
REDIS = installed("redis-server", "redis-server")

KILLS = int(os.environ.get("YZ_CONTROL_KILLS", "2"))


class MariaDb:
    """A server in `folder` that is reached by its socket only; `kill` and `start` again keep its data."""

    def __init__(self, folder, *options):
        user = ["--user=root"] if os.geteuid() == 0 else []
        data = [f"--datadir={folder}/data", *user]
        subprocess.run([INSTALL, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", *data],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (folder / "init.sql").write_text("CREATE DATABASE IF NOT EXISTS yizhan;\n")
        self.socket = folder / "socket"
        self.log = folder / "mariadb.log"
        self.command = [MARIADBD, "--no-defaults", *data, f"--socket={self.socket}", f"--init-file={folder}/init.sql",
                        "--skip-networking", *options]
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=log)
        eventually(self.socket.exists, 60, process=self.process, log=self.log)

    @property
    def url(self):
        return f"mysql://root@localhost/yizhan?socket={self.socket}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    stop = kill


class Server:
    """A program that listens on a free port with the password "s3cret", and keeps its state in the folder."""

    def __init__(self, folder, *command, settings):
        self.port = free_port()
        self.log = folder / f"{pathlib.Path(command[0]).name}.log"
        file = self.log.with_suffix(".conf")
        file.write_text(settings.format(port=self.port, folder=folder))
        self.command = [*command, file]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        eventually(lambda: listens(self.port), process=self.process)

    def stop(self):
        self.process.kill()
        self.process.wait()


def nats(folder):
    return Server(folder, NATS, "-c", settings="""listen: "127.0.0.1:{port}"
max_payload: 8MB
jetstream {{ store_dir: "{folder}/streams", max_file_store: 4GB }}
authorization {{ user: yizhan, password: "s3cret" }}
""")


def redis(folder):
    return Server(folder, REDIS, settings='bind 127.0.0.1\nport {port}\ndir "{folder}"\nsave ""\nrequirepass s3cret\n')


class Control(ControlApi):
    def __init__(self, folder, url, token_file, seal_key=None, **settings):
        super().__init__(free_port(), token_file.read_text().strip())
        self.state = folder
        folder.mkdir()
        if seal_key is not None:
            shutil.copy(seal_key, folder / "seal.key")
        self.config = folder.with_suffix(".yaml")
        self.config.write_text(json.dumps({
            "listen": f"127.0.0.1:{self.port}", "node_listen": f"127.0.0.1:{free_port()}", "state": str(folder),
            "database": url, "bootstrap_token_file": str(token_file), **settings}))
        self.start()

    def start(self):
        self.process = subprocess.Popen([BIN / "yz-control", "--config", self.config], stdout=subprocess.DEVNULL,
                                        stderr=open(self.state.with_suffix(".log"), "ab"))
        eventually(self.health, process=self.process)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def leads(self):
        health = self.health()
        return health is not None and health["leader"]


class Stores:
    """The servers two controls share."""

    def __init__(self, folder):
        self.database, self.bus, self.counters = MariaDb(folder, "--innodb-flush-log-at-trx-commit=0"), nats(folder), redis(folder)

    @property
    def settings(self):
        return {"bus": f"nats://yizhan:s3cret@127.0.0.1:{self.bus.port}",
                "redis": f"redis://:s3cret@127.0.0.1:{self.counters.port}", "rate_limit": 100_000}

    def stop(self):
        for server in (self.database, self.bus, self.counters):
            server.stop()


@pytest.fixture
def stores(tmp_path):
    servers = Stores(tmp_path)
    yield servers
    servers.stop()
    for log in tmp_path.glob("*.log"):
        assert "s3cret" not in log.read_text(errors="replace"), log


@pytest.fixture
def controls(tmp_path, stores):
    token = tmp_path / "token"
    token.write_text("yz_" + "t" * 40 + "\n")
    both = []
    try:
        both.append(Control(tmp_path / "first", stores.database.url, token, **stores.settings))
        both.append(Control(tmp_path / "second", stores.database.url, token, tmp_path / "first" / "seal.key",
                            **stores.settings))
        yield both
    finally:
        for control in both:
            control.process.kill()
            control.process.wait()


def insist(controls, turn, method, path, body, **headers):
    """Repeats a request on either instance, with one idempotency key, until it is accepted."""
    key = str(uuid.uuid4())
    for attempt in range(400):
        try:
            return controls[(turn + attempt) % 2].call(method, path, body, Idempotency_Key=key, **headers)
        except urllib.error.HTTPError as error:
            detail = error.read().decode()
            assert error.code in (409, 429, 503), f"{method} {path}: {error.code} {detail}"
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{method} {path} was never accepted")


def test_nothing_accepted_is_lost_when_the_leader_or_a_server_is_killed(controls, stores):
    first, second = controls
    eventually(first.leads)
    assert not second.leads()
    tenant = first.call("POST", "/api/v1/tenants", {"name": "a"})["id"]
    origins = first.call("POST", "/api/v1/origin-groups", {
        "tenant": tenant, "name": "o", "origins": [{"host": "127.0.0.1", "port": 9000}]})["id"]
    group = first.call("POST", "/api/v1/node-groups", {"name": "bj", "tier": "l1"})["id"]
    first.call("POST", "/api/v1/policies", {"name": "default", "default_groups": [group]})
    first.call("POST", "/api/v1/domains", {"tenant": tenant, "name": "www.a.com", "origin_group": origins})
    eventually(lambda: second.health()["config_seq"] == first.health()["config_seq"])
    config_before = first.health()["config_seq"]

    stop = threading.Event()
    tasks, groups, failures = [], [], []

    def work(turn, out, make):
        count = 0
        try:
            while not stop.is_set():
                out.append(make(turn + count, count))
                count += 1
        except Exception as error:  # shown by the test's own thread
            failures.append(error)

    workers = [
        threading.Thread(target=work, args=(turn, tasks, lambda turn, n: insist(
            controls, turn, "POST", "/api/v1/refresh", {"urls": [f"http://www.a.com/{turn}-{n}"]})))
        for turn in range(2)]
    workers += [
        threading.Thread(target=work, args=(turn, groups, lambda turn, n: insist(
            controls, turn, "POST", "/api/v1/origin-groups",
            {"tenant": tenant, "name": str(uuid.uuid4()), "origins": [{"host": "127.0.0.1", "port": 9000}]})))
        for turn in range(2)]
    for worker in workers:
        worker.start()
    took = []
    try:
        for _ in range(KILLS):
            time.sleep(1)
            leader, other = (first, second) if first.leads() else (second, first)
            leader.kill()
            killed = time.monotonic()
            eventually(other.leads, 20)
            took.append(time.monotonic() - killed)
            time.sleep(0.5)
            leader.start()
            for server in (stores.bus, stores.counters):
                server.stop()
                time.sleep(0.3)
                server.start()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert not failures, failures
    print(f"{len(tasks)} refreshes, {len(groups)} changes, taken over after {[round(t, 1) for t in took]} s")
    assert max(took) <= 8 and tasks and groups

    # Every refresh has a number of its own, and there are no others.
    done = [first.call("GET", f"/api/v1/tasks/{task['id']}") for task in tasks]
    assert sorted(task["first_seq"] for task in done) == list(range(1, len(tasks) + 1))
    assert len({task["id"] for task in tasks}) == len(tasks)
    for control in controls:
        eventually(lambda: control.health()["purge_seq"] == len(tasks))
        eventually(lambda: control.health()["config_seq"] == config_before + len(groups))
        for task in tasks[:: max(1, len(tasks) // 20)]:
            eventually(lambda: control.call("GET", f"/api/v1/tasks/{task['id']}")["state"] == "complete")
