"""A whole CDN on production's stores, real servers in its own folder: stopped and started again it has its state, its
secrets are in no command line and no log; nothing accepted is lost or done twice when the instance that leads, MariaDB,
NATS and Redis are killed; and the demo's story holds on it."""
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid

from plays import BIN, CDN, HOST, Cdn, eventually, installed, need

need(*CDN)
installed("mariadbd", "mariadb-server-core")
installed("my_print_defaults", "mariadb-client-core")
installed("nats-server", "nats-server")
installed("redis-server", "redis-server")

ROUNDS = int(os.environ.get("YZ_STORE_KILLS", "1"))  # of each store


def family(pid):
    """Process ids of a process and all its descendants."""
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                out += family(int(child))
        except OSError:
            pass  # it ended meanwhile
    return out


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def moment(seconds_from_now):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


class ProductionCdn(Cdn):
    def __init__(self, folder, *flags):
        super().__init__(folder, "--disk", "0", *flags)
        stores = self.plan["production"]
        self.apis = (self.plan["ports"]["api"], stores["api"])
        self.secrets = [self.plan["api_token"], stores["database_password"], stores["bus_password"], stores["redis_password"]]

    def ask(self, api, method, path, body=None, key=None):
        """The JSON of an operator's call to one of the two instances; OSError or HTTPError when it is not accepted."""
        request = urllib.request.Request(f"http://{HOST}:{api}{path}", None if body is None else json.dumps(body).encode(),
                                         method=method)
        request.add_header("Authorization", f"Bearer {self.plan['api_token']}")
        request.add_header("Content-Type", "application/json")
        request.add_header("Idempotency-Key", key or str(uuid.uuid4()))
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read())

    def insist(self, turn, method, path, body):
        """Asks either instance, with one idempotency key, until it is accepted."""
        key = str(uuid.uuid4())
        for attempt in range(600):
            try:
                return self.ask(self.apis[(turn + attempt) % 2], method, path, body, key)
            except urllib.error.HTTPError as error:
                assert error.code in (409, 429, 503), f"{method} {path}: {error.code} {error.read().decode()}"
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        raise AssertionError(f"{method} {path} was never accepted")

    def health(self, api):
        try:
            return self.ask(api, "GET", "/healthz")
        except (OSError, http.client.HTTPException):
            return {"leader": False, "config_seq": 0, "purge_seq": 0}

    def leader(self):
        return next((api for api in self.apis if self.health(api)["leader"]), None)

    def view(self):
        """A request of one whom the first edge serves itself, at that edge; whether it was served."""
        request = urllib.request.Request(f"http://127.0.1.1:{self.plan['ports']['edge']}/page.txt",
                                         headers={"Host": "www.site.test", "X-Forwarded-For": "202.106.0.20"})
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.read() == b"a page"

    def requests_counted(self, api):
        path = f"/api/v1/usage?domain=www.site.test&step=1m&from={moment(-3600)}&to={moment(120)}"
        return self.ask(api, "GET", path)["total"]["requests"]

    def kill(self, program, argument=""):
        """SIGKILL to the process of this cluster whose program's name and arguments have these words, as soon as there is
        one: one killed before may not be back yet."""
        def found():
            for pid in family(self.process.pid)[1:]:
                line = command_line(pid)
                if line and program in line[0] and any(argument in word for word in line):  # Redis writes its port there
                    return pid
            return None
        os.kill(eventually(found, 20), signal.SIGKILL)


def test_a_cluster_on_production_stores_keeps_its_state_and_its_secrets(tmp_path):
    folder = tmp_path / "cluster"
    with ProductionCdn(tmp_path, "--production") as cdn:
        assert [cdn.health(api)["leader"] for api in cdn.apis].count(True) == 1
        made = cdn.ask(cdn.apis[1], "POST", "/api/v1/tenants", {"name": "kept"})
        assert cdn.ask(cdn.apis[0], "GET", f"/api/v1/tenants/{made['id']}")["name"] == "kept"
        words = [word for pid in family(cdn.process.pid) for word in command_line(pid)]
        assert any("mariadbd" in word for word in words) and any("nats-server" in word for word in words)
        assert not [word for word in words for secret in cdn.secrets if secret in word]
    assert not list(folder.glob("control*/control.db")) and not list(folder.glob("control*/bus"))
    for file in (*folder.rglob("*.log"), *folder.rglob("*.err")):
        assert not [secret for secret in cdn.secrets if secret in file.read_text(errors="replace")], file
    for name in ("cluster.json", "control.yaml", "mariadb/init.sql", "mariadb/mariadb.cnf", "nats/nats.conf", "redis/redis.conf"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    with ProductionCdn(tmp_path) as cdn:  # it remembers its stores
        for api in cdn.apis:
            assert cdn.ask(api, "GET", f"/api/v1/tenants/{made['id']}")["name"] == "kept"


def test_nothing_accepted_is_lost_when_the_leader_or_a_store_is_killed(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/page.txt").write_bytes(b"a page")
    with ProductionCdn(tmp_path, "--production") as cdn:
        tenant = cdn.ask(cdn.apis[0], "POST", "/api/v1/tenants", {"name": "a"})["id"]
        eventually(lambda: len({cdn.health(api)["config_seq"] for api in cdn.apis}) == 1)
        before = cdn.health(cdn.apis[0])["config_seq"]
        stop, refreshes, changes, views, failures = threading.Event(), [], [], [], []

        def work(turn, out, make):
            try:
                while not stop.is_set():
                    out.append(make(turn))
                    turn += 1
                    time.sleep(0.005)
            except Exception as error:  # shown by the test's own thread
                failures.append(error)

        workers = [threading.Thread(target=work, args=(turn, refreshes, lambda turn: cdn.insist(
            turn, "POST", "/api/v1/refresh", {"urls": [f"http://www.site.test/{uuid.uuid4()}"]}))) for turn in range(2)]
        workers.append(threading.Thread(target=work, args=(0, changes, lambda turn: cdn.insist(
            turn, "POST", "/api/v1/origin-groups",
            {"tenant": tenant, "name": str(uuid.uuid4()), "origins": [{"host": HOST, "port": 9000}]}))))
        workers.append(threading.Thread(target=work, args=(0, views, lambda turn: cdn.view())))
        for worker in workers:
            worker.start()
        took = {}
        try:
            for store in random.sample(["control", "mariadbd", "nats-server", "redis-server"] * ROUNDS, 4 * ROUNDS):
                time.sleep(random.uniform(0.2, 1))
                if store == "control":
                    leader = eventually(cdn.leader, 20)
                    cdn.kill("yz-control", "control.yaml" if leader == cdn.apis[0] else "control-2.yaml")
                else:
                    cdn.kill(store)
                killed = time.monotonic()
                done = cdn.insist(0, "POST", "/api/v1/refresh", {"urls": ["http://www.site.test/after"]})
                refreshes.append(done)
                eventually(lambda: cdn.insist(0, "GET", f"/api/v1/tasks/{done['id']}", None)["state"] == "complete", 30)
                took.setdefault(store, []).append(round(time.monotonic() - killed, 1))
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        assert not failures, failures
        print(f"{len(refreshes)} refreshes, {len(changes)} changes, {len(views)} views; done again after {took} s")
        assert changes and all(views) and max(max(times) for times in took.values()) <= 12

        # Every refresh has a number of its own, there are no others, and each is done by all nodes.
        done = [cdn.insist(0, "GET", f"/api/v1/tasks/{task['id']}", None) for task in refreshes]
        assert sorted(task["first_seq"] for task in done) == list(range(1, len(refreshes) + 1))
        for api in cdn.apis:
            eventually(lambda: cdn.health(api)["purge_seq"] == len(refreshes), 20)
            eventually(lambda: cdn.health(api)["config_seq"] == before + len(changes), 20)
        for task in refreshes:
            eventually(lambda: cdn.insist(0, "GET", f"/api/v1/tasks/{task['id']}", None)["state"] == "complete", 20)
        # What the viewers were served is what is counted, to the request.
        for api in cdn.apis:
            eventually(lambda: cdn.requests_counted(api) == len(views), 20)
        assert cdn.requests_counted(cdn.apis[0]) == len(views)


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
