"""yz-control answers as api/openapi.yaml says, survives kill -9, and refuses bad settings with file and line."""
import json
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import jsonschema
import pytest
import yaml

from plays import BIN, ROOT, need

need("yz-control")
SPEC = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())


class Control:
    """A yz-control on free ports."""

    def __init__(self, folder):
        self.folder = folder
        self.token = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [BIN / "yz-control", "--state", self.folder, "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=open(self.folder.parent / "control.log", "ab"), text=True)
        watchdog = threading.Timer(20, self.process.kill)
        watchdog.start()
        first = self.process.stdout.readline()
        watchdog.cancel()
        self.base = re.search(r"http://[0-9.:]+", first).group()
        if self.token is None:
            self.token = (self.folder / "operator.token").read_text().strip()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)

    def call(self, method, path, body=None, token="", **headers):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return check(method, path, answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return check(method, path, error.code, error.headers, error.read())


def operation_of(method, path):
    path = path.split("?")[0]
    best = None
    for pattern, item in SPEC["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern)), path) and method.lower() in item:
            if best is None or "{" not in pattern:
                best = item[method.lower()]
    return best


def resolve(node):
    while "$ref" in node:
        target = SPEC
        for step in node["$ref"][2:].split("/"):
            target = target[step]
        node = target
    return node


def check(method, path, status, headers, body):
    """Every answer fits its schema in the description."""
    operation = operation_of(method, path)
    if operation is not None:
        responses = operation["responses"]
        assert str(status) in responses or "default" in responses, f"{method} {path} does not describe {status}"
        content = resolve(responses.get(str(status), responses.get("default"))).get("content", {})
        if content:
            kind = headers.get_content_type()
            assert kind in content, f"{method} {path} {status} answers {kind}"
            if "json" in kind:
                schema = {"$ref": content[kind]["schema"]["$ref"], "components": SPEC["components"]}
                jsonschema.Draft202012Validator(schema).validate(json.loads(body))
        else:
            assert not body, f"{method} {path} {status} has a body"
    decoded = json.loads(body) if "json" in (headers.get("Content-Type") or "") else body
    return status, decoded, headers


@pytest.fixture()
def control(tmp_path):
    running = Control(tmp_path / "state")
    yield running
    if running.process.poll() is None:
        running.kill()


def make_world(control):
    def create(collection, body):
        status, made, _ = control.call("POST", f"/api/v1/{collection}", body)
        assert status == 201, made
        return made["id"]

    tenant = create("tenants", {"name": "a"})
    origins = create("origin-groups", {"tenant": tenant, "name": "o", "origins": [{"host": "127.0.0.1", "port": 9000}]})
    group = create("node-groups", {"name": "bj", "tier": "l1", "isps": ["unicom"],
                                   "place": {"country": "CN", "province": "CN-BJ"}})
    node = create("nodes", {"name": "bj-1", "group": group, "addresses": ["127.0.1.1"], "http_port": 8080})
    policy = create("policies", {"name": "default", "default_groups": [group]})
    domain = create("domains", {"tenant": tenant, "name": "www.a.com", "origin_group": origins, "cache_rules": [
        {"match": "suffix", "pattern": "jpg,png", "action": "ttl", "ttl": "1h"}]})
    return {"tenants": tenant, "origin-groups": origins, "node-groups": group, "nodes": node, "policies": policy,
            "domains": domain}


def test_the_description_is_sound():
    jsonschema.Draft202012Validator.check_schema({"$defs": SPEC["components"]["schemas"]})
    names = [operation["operationId"] for item in SPEC["paths"].values() for method, operation in item.items()
             if method != "parameters"]
    assert len(names) == len(set(names))


def test_every_read_fits_its_schema(control):
    world = make_world(control)
    for collection, row in world.items():
        assert control.call("GET", f"/api/v1/{collection}")[0] == 200
        status, body, headers = control.call("GET", f"/api/v1/{collection}/{row}")
        assert status == 200 and headers["ETag"]
        status, again, _ = control.call("PUT", f"/api/v1/{collection}/{row}", body, If_Match=headers["ETag"])
        assert status == 200, f"what was read can be written back: {again}"
    status, task, headers = control.call("POST", "/api/v1/refresh", {"urls": ["http://www.a.com/1.jpg"]})
    assert status == 202 and headers["Location"] == f"/api/v1/tasks/{task['id']}"
    assert task["state"] == "complete" and task["progress"]["away"] == 1, "nobody is connected"
    assert control.call("POST", "/api/v1/prefetch", {"urls": ["http://www.a.com/1.jpg"]})[0] == 202
    assert control.call("POST", "/api/v1/nodes/join-tokens", {"role": "edge", "node": world["nodes"]})[0] == 201
    assert control.call("POST", f"/api/v1/nodes/{world['nodes']}/drain", {"draining": True})[0] == 200
    assert control.call("POST", "/api/v1/tokens", {"name": "t", "role": "tenant", "tenant": world["tenants"]})[0] == 201
    for path in ("whoami", "tasks", f"tasks/{task['id']}", f"quota?tenant={world['tenants']}", "node-states",
                 "config/versions", "config/versions/3/diff", "config/rollout", "settings", "usage",
                 "usage?domain=www.a.com&step=5m", "audit", "tokens", "explain?name=www.a.com&address=1.2.4.8"):
        assert control.call("GET", f"/api/v1/{path}")[0] == 200, path
    assert control.call("GET", "/healthz")[0] == 200
    assert b"yz_control_api_requests_total" in control.call("GET", "/metrics")[1]
    status, back, _ = control.call("POST", "/api/v1/config/rollback", {"to": 7})
    assert status == 200, back


def test_every_refusal_is_a_problem(control):
    world = make_world(control)
    domain = f"/api/v1/domains/{world['domains']}"
    for expected, method, path, body, headers in [
            (400, "POST", "/api/v1/domains", b"{", {}),
            (400, "GET", "/api/v1/domains?limit=x", None, {}),
            (401, "GET", "/api/v1/domains", None, {"token": "yz_wrong"}),
            (404, "GET", "/api/v1/domains/99", None, {}),
            (409, "POST", "/api/v1/tenants", {"name": "a"}, {}),
            (409, "DELETE", f"/api/v1/origin-groups/{world['origin-groups']}", None, {"If_Match": "*"}),
            (412, "PATCH", domain, {"enabled": False}, {"If_Match": '"99"'}),
            (415, "POST", "/api/v1/domains", b"name: x", {"Content_Type": "text/yaml"}),
            (422, "POST", "/api/v1/domains", {"name": 1}, {}),
            (422, "POST", "/api/v1/refresh", {"urls": ["http://www.b.com/"]}, {}),
            (428, "DELETE", domain, None, {})]:
        status, body, _ = control.call(method, path, body, **headers)
        assert status == expected, (method, path, body)
        assert body["status"] == expected and body["type"].startswith("urn:yizhan:problem:")
        if expected == 422:
            assert all(re.fullmatch(r"(/.+)?", error["pointer"]) for error in body["errors"])


def test_nothing_accepted_is_lost_with_kill_9(control):
    world = make_world(control)
    accepted = []
    done = threading.Event()

    def refresh():
        number = 0
        while not done.is_set():
            number += 1
            try:
                status, task, _ = control.call("POST", "/api/v1/refresh", {"urls": [f"http://www.a.com/{number}"]})
            except OSError:
                return
            if status == 202:
                accepted.append((task["id"], task["last_seq"]))
                if len(accepted) == 20:
                    done.set()

    worker = threading.Thread(target=refresh)
    worker.start()
    done.wait(20)
    control.kill()
    worker.join()
    assert len(accepted) >= 20
    control.start()
    for task, seq in accepted:
        status, found, _ = control.call("GET", f"/api/v1/tasks/{task}")
        assert status == 200 and found["last_seq"] == seq
    assert [seq for _, seq in accepted] == list(range(1, len(accepted) + 1)), "numbers without gaps"
    assert control.call("GET", "/healthz")[1]["purge_seq"] >= accepted[-1][1]
    assert control.call("GET", f"/api/v1/domains/{world['domains']}")[0] == 200
    assert control.call("POST", "/api/v1/refresh", {"domains": ["www.a.com"]})[0] == 202, "it leads again at once"


def test_a_second_control_on_the_same_folder_is_told_so(control):
    second = subprocess.run([BIN / "yz-control", "--state", control.folder, "--listen", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert "another yz-control uses the state folder" in second.stderr
    assert control.stop() == 0


def test_a_taken_port_is_said_in_one_sentence(control, tmp_path):
    port = control.base.rsplit(":", 1)[1]
    second = subprocess.run([BIN / "yz-control", "--state", tmp_path / "other", "--listen", f"127.0.0.1:{port}",
                             "--node-listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert f"127.0.0.1:{port}" in second.stderr


def test_the_operator_may_choose_the_first_token(tmp_path):
    (tmp_path / "token").write_text("a-token-of-my-own-choosing\n")
    process = subprocess.Popen([BIN / "yz-control", "--state", tmp_path / "state", "--listen", "127.0.0.1:0",
                                "--node-listen", "127.0.0.1:0", "--bootstrap-token-file", tmp_path / "token"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    base = re.search(r"http://[0-9.:]+", process.stdout.readline()).group()
    request = urllib.request.Request(base + "/api/v1/whoami",
                                     headers={"Authorization": "Bearer a-token-of-my-own-choosing"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["role"] == "operator"
    process.terminate()
    assert process.wait(20) == 0
    assert "a-token" not in process.stdout.read()


def test_bad_settings_name_file_and_line(tmp_path):
    config = tmp_path / "control.yaml"
    config.write_text("state: x\nlisten: nowhere\nthreads: many\n")
    done = subprocess.run([BIN / "yz-control", "--config", config], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert f"{config}:2" in done.stderr and f"{config}:3" in done.stderr
