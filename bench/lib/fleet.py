"""One yz-control and a crowd of simulated agents on it (programs/agent_crowd.cpp), for bench/control."""
import contextlib
import http.client
import json
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time

from .process import BenchError, CpuSample, eventually, free_port


class Refused(BenchError):
    """An answer of the API that is no success."""

    def __init__(self, status, text):
        super().__init__(f"{status} {text[:300]}")
        self.status = status


class Control:
    """yz-control on a folder of its own; `kill` and `start` again keep folder and ports."""

    def __init__(self, binary, folder, database=None):
        self.binary, self.folder, self.peak = binary, folder, 0
        self.port, self.node_port = free_port(), free_port()
        (folder / "token").write_text("yz_" + "b" * 40 + "\n")
        settings = {"listen": f"127.0.0.1:{self.port}", "node_listen": f"127.0.0.1:{self.node_port}",
                    "state": str(folder / "state"), "bootstrap_token_file": str(folder / "token"), "log": {"level": "warn"}}
        if database:
            settings["database"] = database
        (folder / "control.yaml").write_text(json.dumps(settings))
        self.local = threading.local()
        self.start()

    def start(self):
        with open(self.folder / "control.log", "ab") as log:
            self.process = subprocess.Popen([self.binary / "yz-control", "--config", self.folder / "control.yaml"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self.leads, 30, 0.01, self.process, self.folder / "control.log")

    def leads(self):
        try:
            return self.call("GET", "/healthz")["leader"]
        except http.client.HTTPException as error:
            raise OSError(str(error)) from None

    def kill(self):
        self.note_peak()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def note_peak(self):
        """The highest RSS of any of its processes so far, in bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                self.peak = max(self.peak, int(line.split()[1]) * 1024)
        return self.peak

    def cpu(self):
        return CpuSample.of(self.process.pid)

    def _request(self, method, path, body, headers):
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Authorization": "Bearer yz_" + "b" * 40, "Content-Type": "application/json", **headers})
        return connection.getresponse()

    def call(self, method, path, body=None, headers={}):
        """The answer's JSON; Refused for what is no success. Each thread keeps one connection."""
        try:
            answer = self._request(method, path, body, headers)
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.local.connection = None
            raise
        if answer.status >= 300:
            raise Refused(answer.status, f"{method} {path}: {text.decode(errors='replace')}")
        return json.loads(text or b"null")

    def wait_for_task(self, task):
        """Follows the task's events until it is over; its last state."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/tasks/{task}/events", None, {"Authorization": "Bearer yz_" + "b" * 40})
            answer = connection.getresponse()
            name = None
            for line in answer:
                if line.startswith(b"event: "):
                    name = line[7:].strip()
                elif line.startswith(b"data: ") and name == b"done":
                    return json.loads(line[6:])
        raise BenchError(f"task {task} never ended")


def in_parallel(count, workers, deed):
    """[deed(i) for i below count], by several threads."""
    out, next_one, failures, lock = [None] * count, iter(range(count)), [], threading.Lock()

    def work():
        while not failures:
            with lock:
                i = next(next_one, None)
            if i is None:
                return
            try:
                out[i] = deed(i)
            except Exception as error:  # told by the caller's thread
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return out


def make_world(control, nodes, domains):
    """(join tokens of `nodes` nodes, ids of `domains` domains)."""
    tenant = control.call("POST", "/api/v1/tenants", {"name": "bench"})["id"]
    origins = control.call("POST", "/api/v1/origin-groups", {
        "tenant": tenant, "name": "origin", "origins": [{"host": "127.0.0.1", "port": 9000}]})["id"]
    groups = [control.call("POST", "/api/v1/node-groups", {"name": f"group-{i}", "tier": "l1"})["id"] for i in range(20)]
    control.call("POST", "/api/v1/policies", {"name": "default", "default_groups": groups})
    made = [control.call("POST", "/api/v1/domains", {"tenant": tenant, "name": f"d{i}.bench.test", "origin_group": origins})["id"]
            for i in range(domains)]

    def join(i):
        node = control.call("POST", "/api/v1/nodes", {
            "name": f"node-{i}", "group": groups[i % len(groups)], "http_port": 80,
            "addresses": [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"]})["id"]
        return control.call("POST", "/api/v1/nodes/join-tokens", {"role": "edge", "node": node})["token"]

    return {"tenant": tenant, "origins": origins, "domains": made, "tokens": in_parallel(nodes, 4, join)}


class Relay:
    """yz-relay between the agents and `control`, joined and connected."""

    def __init__(self, binary, control, folder, name):
        self.port = free_port()
        token = control.call("POST", "/api/v1/nodes/join-tokens", {"role": "relay", "name": name})["token"]
        with open(folder / f"{name}.log", "ab") as log:
            self.process = subprocess.Popen(
                [binary / "yz-relay", "--control", f"127.0.0.1:{control.node_port}", "--listen", f"127.0.0.1:{self.port}",
                 "--state", folder / name, "--name", name, "--join", token], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(lambda: any(relay["name"] == name and relay["connected"] for relay in control.call("GET", "/api/v1/node-states")["relays"]),
                   30, 0.05, self.process, folder / f"{name}.log")

    def cpu(self):
        return CpuSample.of(self.process.pid)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Crowd:
    """The simulated agents; `events` is what they have said."""

    def __init__(self, binary, control, world, folder, seed, usage_ms, delay_ms=(40, 80), relays=()):
        (folder / "tokens").write_text("\n".join(world["tokens"]) + "\n")
        self.agents = len(world["tokens"])
        self.log = open(folder / "crowd.log", "ab")
        self.process = subprocess.Popen(
            [binary / "agent_crowd", "--port", str(control.node_port), "--tokens", folder / "tokens", "--seed", str(seed),
             "--delay-from", str(delay_ms[0]), "--delay-to", str(delay_ms[1]), "--usage", str(usage_ms), "--first-domain", str(min(world["domains"])), "--last-domain",
             str(max(world["domains"])), *(word for relay in relays for word in ("--relay", str(relay.port)))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.seen = []
        self.queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.queue.put(json.loads(line))

    def wait(self, event, seconds, accept=lambda e: True):
        """The first event of that name, since the start, that `accept` takes."""
        deadline = time.monotonic() + seconds
        for known in self.seen:
            if known["event"] == event and accept(known):
                return known
        while True:
            try:
                found = self.queue.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise BenchError(f"the agents did not say '{event}' within {seconds} s") from None
            self.seen.append(found)
            if found["event"] == event and accept(found):
                return found

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def requests_counted(control, since):
    """Requests of all viewers from `since` (Unix time) on, as the statistics have them."""
    def show(moment):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))

    answer = control.call("GET", f"/api/v1/statistics?from={show(since)}&to={show(time.time() + 120)}&interval=1m&measures=requests")
    return answer["series"][0]["total"]["requests"]


def percentile(values, part):
    """Of a few values the next higher one: p99 of 100 is the second largest at most."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
