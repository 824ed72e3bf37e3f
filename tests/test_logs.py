"""Customers' access logs, from the request to the download: one yz-control, one yz-agent with its yz-edge, real requests
while agent and control are killed with SIGKILL. The lines behind the signed links are the requests that were made."""
import collections
import concurrent.futures
import datetime
import http.client
import http.server
import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from plays import BIN, HOST, ControlApi, eventually, free_port, installed, need

need("yz", "yz-control", "yz-agent", "yz-edge")
ZSTD = installed("zstd", "zstd")
SITE = "www.a.com"


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"x" * 100
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Cache-Control", "max-age=600")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Cluster(ControlApi):
    """Control and one node, each a process that can be killed and started again."""

    def __init__(self, folder):
        super().__init__(free_port(), "yz_" + "t" * 40)
        self.folder = folder
        self.rpc, self.edge = free_port(), free_port()
        (folder / "token").write_text(self.token + "\n")
        self.processes = {}
        self.write("yz-control", {
            "listen": f"{HOST}:{self.port}", "node_listen": f"{HOST}:{self.rpc}", "state": str(folder / "control"),
            "bootstrap_token_file": str(folder / "token"), "log": {"level": "debug"}})
        self.start("yz-control")
        eventually(self.health)
        self.make_world()
        self.write("yz-agent", {
            "control": [f"{HOST}:{self.rpc}"], "name": "n1", "state": str(folder / "node"),
            "access_log_every": "300ms",
            "join_token": self.call("POST", "/api/v1/nodes/join-tokens", {"role": "edge", "node": self.node})["token"],
            "edge": {"binary": str(BIN / "yz-edge"), "settings": {
                "listen": [f"{HOST}:{self.edge}"], "memory": "64MiB", "workers": 2, "log_budget": "64MiB"}}})
        self.start("yz-agent")
        eventually(self.is_serving)

    def write(self, program, settings):
        (self.folder / f"{program}.yaml").write_text(json.dumps(settings))

    def start(self, program):
        self.processes[program] = subprocess.Popen(
            [BIN / program, "--config", self.folder / f"{program}.yaml"], stdout=subprocess.DEVNULL,
            stderr=open(self.folder / f"{program}.log", "ab"))

    def kill(self, program):
        self.processes[program].send_signal(signal.SIGKILL)
        self.processes[program].wait()

    def stop(self):
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            process.wait(30)

    def make_world(self):
        def create(collection, **body):
            return self.call("POST", f"/api/v1/{collection}", body)["id"]

        self.origin = http.server.ThreadingHTTPServer((HOST, 0), Origin)
        threading.Thread(target=self.origin.serve_forever, daemon=True).start()
        tenant = create("tenants", name="a")
        origins = create("origin-groups", tenant=tenant, name="o",
                         origins=[{"host": HOST, "port": self.origin.server_address[1]}])
        group = create("node-groups", name="bj", tier="l1")
        self.node = create("nodes", name="n1", group=group, addresses=[HOST], http_port=self.edge)
        create("policies", name="default", default_groups=[group])
        self.domain = create("domains", tenant=tenant, name=SITE, origin_group=origins)

    def is_serving(self):
        try:
            status, _ = get(http.client.HTTPConnection(HOST, self.edge, timeout=5), "/.yz/healthz")
            states = self.call("GET", "/api/v1/node-states")["items"]
            return status == 200 and states and states[0]["ready"]
        except (OSError, http.client.HTTPException):
            return False

    def hours(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        span = [(now + datetime.timedelta(hours=h)).strftime("%Y-%m-%dT%H:00:00Z") for h in (-2, 1)]
        return self.call("GET", f"/api/v1/domains/{self.domain}/logs?from={span[0]}&to={span[1]}")["items"]

    def download(self, url):
        with urllib.request.urlopen(f"http://{HOST}:{self.port}{url}", timeout=30) as answer:
            assert answer.headers["Content-Type"] == "application/zstd"
            packed = answer.read()
        return subprocess.run([ZSTD, "-dcq"], input=packed, stdout=subprocess.PIPE, check=True).stdout.decode()

    def lines(self):
        """Every line there is, by its column names."""
        out = []
        for hour in self.hours():
            if "url" not in hour:
                continue
            names, *rows = self.download(hour["url"]).splitlines()
            assert names.startswith("#time\tclient\t")
            rows = [dict(zip(names[1:].split("\t"), row.split("\t"), strict=True)) for row in rows]
            assert len(rows) == hour["requests"]
            assert all(row["time"][:13] == hour["hour"][:13] for row in rows)
            out += rows
        return out


def get(connection, target, **headers):
    connection.request("GET", target, headers={"Host": SITE, **headers})
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.fixture
def cluster(tmp_path):
    running = Cluster(tmp_path)
    try:
        yield running
    finally:
        running.stop()


def settled(cluster):
    """Waits until what was counted and what was written down have both come to control."""
    def is_settled():
        hours = cluster.hours()
        sums = [sum(hour[name] for hour in hours) for name in ("requests", "counted", "lost", "missing")]
        return sums if sums[0] == sums[1] > 0 and sums[2:] == [0, 0] and sums == is_settled.before \
            else setattr(is_settled, "before", sums)
    is_settled.before = None
    return eventually(is_settled, 60, 1.5)


class Viewers:
    """Ask for targets that nobody asked for before; which of them were certainly answered, and which perhaps."""

    def __init__(self, cluster, count):
        self.cluster = cluster
        self.stopping = threading.Event()
        self.certain, self.perhaps = [], set()
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        self.work = [self.pool.submit(self.ask, n) for n in range(count)]

    def ask(self, viewer):
        number, connection = 0, None
        while not self.stopping.is_set():
            number += 1
            target = f"/{viewer}/{number}"
            try:
                connection = connection or http.client.HTTPConnection(HOST, self.cluster.edge, timeout=10)
                status, _ = get(connection, target)
                (self.certain.append if status == 200 else self.perhaps.add)(target)
            except (OSError, http.client.HTTPException):
                self.perhaps.add(target)
                connection = None
                time.sleep(0.05)
            time.sleep(0.002)

    def stop(self):
        self.stopping.set()
        for one in self.work:
            one.result()


def test_the_lines_are_the_requests_also_when_agent_and_control_are_killed(cluster):
    viewers = Viewers(cluster, 4)
    for program in ("yz-agent", "yz-control", "yz-agent"):
        time.sleep(1.5)
        cluster.kill(program)
        time.sleep(0.5)
        cluster.start(program)
        eventually(cluster.health)
        eventually(cluster.is_serving)
    time.sleep(1)
    viewers.stop()
    settled(cluster)

    lines = collections.Counter(line["target"] for line in cluster.lines())
    del lines["/.yz/healthz"]
    twice = {target for target, times in lines.items() if times > 1}
    lost = set(viewers.certain) - set(lines)
    strange = set(lines) - set(viewers.certain) - viewers.perhaps
    print(f"{len(viewers.certain)} requests answered, {len(viewers.perhaps)} not, {sum(lines.values())} lines")
    assert len(viewers.certain) > 200
    assert not twice and not lost and not strange, (twice, lost, strange)


def test_a_line_says_what_was_asked_and_answered(cluster):
    connection = http.client.HTTPConnection(HOST, cluster.edge)
    assert get(connection, "/a?b=1", **{"User-Agent": "play/1 \t\\", "Referer": "http://r.example/x"})[0] == 200
    assert get(connection, "/a?b=1")[0] == 200
    assert get(connection, "/missing")[0] == 404
    settled(cluster)
    lines = [line for line in cluster.lines() if line["target"] != "/.yz/healthz"]
    first, second, third = sorted(lines, key=lambda line: line["time"])
    assert {**first, "time": "", "duration_us": "", "first_byte_us": "", "bytes_out": "", "bytes_in": ""} == {
        "time": "", "client": HOST, "method": "GET", "scheme": "http", "host": SITE, "target": "/a?b=1",
        "protocol": "HTTP/1.1", "status": "200", "bytes_out": "", "bytes_in": "", "duration_us": "",
        "first_byte_us": "", "cache": "miss", "country": "-", "province": "-", "isp": "-",
        "referer": "http://r.example/x", "agent": "play/1 \\x09\\x5c", "node": str(cluster.node)}
    assert (second["cache"], second["agent"], third["status"]) == ("hit", "-", "404")
    assert int(first["bytes_out"]) > 100 and int(first["duration_us"]) >= int(first["first_byte_us"]) > 0

    # The same by the command line.
    file = cluster.folder / "hour.zst"
    yz = [BIN / "yz", "--control", f"http://{HOST}:{cluster.port}", "--token", cluster.token, "logs"]
    hour = cluster.hours()[0]
    listed = subprocess.run([*yz, "list", SITE], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert re.search(rf"^{hour['hour'][:13]} .*{hour['requests']} ", listed, re.M), listed
    subprocess.run([*yz, "get", SITE, hour["hour"][:13], "--output", file], stdout=subprocess.DEVNULL, check=True)
    text = subprocess.run([ZSTD, "-dcq", file], stdout=subprocess.PIPE, check=True).stdout.decode()
    assert text == cluster.download(hour["url"])
    top = subprocess.run([*yz, "top", SITE, "--by", "bytes"], stdout=subprocess.PIPE, check=True, text=True).stdout
    assert re.search(r"^/a\s+2\s", top, re.M) and re.search(r"^/missing\s+1\s", top, re.M), top

    # A link opens what it was signed for, and no log of control has it.
    signature = re.search(r"signature=([\w-]+)", hour["url"]).group(1)
    for changed in (hour["url"].replace(signature, signature[::-1]), hour["url"].replace("expires=", "expires=1"),
                    hour["url"].replace(f"domain={cluster.domain}", f"domain={cluster.domain + 1}")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            cluster.download(changed)
        assert refused.value.code == 403
    assert signature not in (cluster.folder / "yz-control.log").read_text()
