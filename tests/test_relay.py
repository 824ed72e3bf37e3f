"""A node behind a relay in a whole running CDN: it joins, hears and is heard through the relay; what happened while the
relay was killed reaches it afterwards, and a node that knows another way takes it."""
import contextlib
import ipaddress
import json
import subprocess
import time
import urllib.request

import pytest

from plays import BIN, CDN, HOST, Cdn, eventually, free_port, need

need(*CDN, "yz-relay")


def state(cdn, name):
    return next(item for item in cdn.call("GET", "node-states")[1]["items"] if item["name"] == name)


def relays(cdn):
    return {relay["name"]: relay for relay in cdn.call("GET", "node-states")[1]["relays"]}


class Relay:
    """yz-relay beside the cluster; `kill` and `start` again keep its folder and port."""

    def __init__(self, cdn, folder):
        self.cdn, self.folder, self.port = cdn, folder, free_port()
        said = cdn.yz("node", "relay-token", "r1")
        assert said.returncode == 0, said.stderr
        self.start("--join", next(word for word in said.stdout.split() if word.startswith("yzj-")))

    def start(self, *flags):
        self.log = open(self.folder / "relay.log", "ab")
        self.process = subprocess.Popen(
            [BIN / "yz-relay", "--control", f"{HOST}:{self.cdn.plan['ports']['rpc']}", "--listen", f"{HOST}:{self.port}",
             "--state", self.folder / "relay", "--name", "r1", *flags], stdout=self.log, stderr=self.log)
        eventually(lambda: relays(self.cdn).get("r1", {}).get("connected"), 30, process=self.process,
                   log=self.folder / "relay.log")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@contextlib.contextmanager
def node(cdn, folder, name, address, controls):
    """A further node of the cluster whose agent knows these ways to control; gives where its edge listens."""
    group = next(group for group in cdn.call("GET", "node-groups")[1]["items"] if group["tier"] == "l1")
    port = cdn.plan["ports"]["edge"]
    status, made = cdn.call("POST", "nodes", {"name": name, "group": group["id"], "addresses": [address], "http_port": port})
    assert status == 201, made
    status, token = cdn.call("POST", "nodes/join-tokens", {"role": "edge", "node": made["id"]})
    assert status == 201, token
    settings = {"control": controls, "name": name, "state": str(folder / name), "join_token": token["token"],
                "edge": {"binary": str(BIN / "yz-edge"),
                         "settings": {"listen": [f"{address}:{port}"], "memory": "32MiB", "workers": 1}}}
    (folder / f"{name}.yaml").write_text(json.dumps(settings))
    with open(folder / f"{name}.log", "ab") as log:
        agent = subprocess.Popen([BIN / "yz-agent", "--config", folder / f"{name}.yaml"], stdout=log, stderr=log)
    try:
        eventually(lambda: state(cdn, name)["ready"], 40, process=agent, log=folder / f"{name}.log")
        yield f"{address}:{port}"
    finally:
        agent.terminate()
        agent.wait(30)


def fetch(edge, host, path):
    request = urllib.request.Request(f"http://{edge}{path}", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def refresh(cdn, path):
    """The task when it is over."""
    status, task = cdn.call("POST", "refresh", {"urls": [f"http://{cdn.plan['domain']}{path}"]})
    assert status in (200, 201, 202), task
    eventually(lambda: cdn.call("GET", f"tasks/{task['id']}")[1]["state"] not in ("pending", "running"), 20)
    return cdn.call("GET", f"tasks/{task['id']}")[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("relay")
    with Cdn(folder) as cdn:
        relay = Relay(cdn, folder)
        try:
            yield cdn, relay, folder
        finally:
            relay.kill()


def address(last):
    return str(ipaddress.ip_address("127.77.0.0") + last)


def test_a_node_lives_behind_a_relay(place):
    cdn, relay, folder = place
    page = folder / "site/page.txt"
    page.write_text("one")
    with node(cdn, folder, "far-1", address(1), [f"{HOST}:{relay.port}"]) as edge:
        assert state(cdn, "far-1")["relay"] == "r1"
        assert relays(cdn)["r1"]["nodes"] == 1
        assert "r1" in cdn.yz("node", "relays").stdout
        assert fetch(edge, cdn.plan["domain"], "/page.txt") == "one"

        page.write_text("two")
        task = refresh(cdn, "/page.txt")
        assert task["state"] == "complete" and task["progress"]["done"] == len(cdn.call("GET", "nodes")[1]["items"])
        assert fetch(edge, cdn.plan["domain"], "/page.txt") == "two"

        # Without its relay it is away, and serves on; what was missed comes with the relay, before it is ready.
        relay.kill()
        eventually(lambda: not state(cdn, "far-1")["connected"], 20)
        assert fetch(edge, cdn.plan["domain"], "/page.txt") == "two"
        page.write_text("three")
        assert refresh(cdn, "/page.txt")["state"] == "complete"  # of those that are there
        relay.start()
        eventually(lambda: state(cdn, "far-1")["ready"], 30)
        assert state(cdn, "far-1")["relay"] == "r1"
        assert fetch(edge, cdn.plan["domain"], "/page.txt") == "three"

        # Its requests are counted like all others.
        begun = time.time() - 60
        for _ in range(20):
            fetch(edge, cdn.plan["domain"], "/page.txt")
        far = state(cdn, "far-1")["node"]

        def counted():
            moments = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (begun, time.time() + 120)]
            path = f"statistics?from={moments[0]}&to={moments[1]}&interval=1m&measures=requests&node={far}"
            return cdn.call("GET", path)[1]["series"][0]["total"]["requests"]

        eventually(lambda: counted() >= 20, 20)


def test_a_node_that_knows_another_way_takes_it(place):
    cdn, relay, folder = place
    direct = f"{HOST}:{cdn.plan['ports']['rpc']}"
    with node(cdn, folder, "far-2", address(2), [f"{HOST}:{relay.port}", direct]):
        assert state(cdn, "far-2")["relay"] == "r1"
        relay.kill()
        eventually(lambda: state(cdn, "far-2")["connected"] and "relay" not in state(cdn, "far-2"), 20)
        relay.start()


def test_a_relay_says_what_is_missing():
    told = subprocess.run([BIN / "yz-relay"], capture_output=True, text=True, timeout=20)
    assert told.returncode == 2 and "--control HOST:PORT" in told.stderr
