"""Caps in a whole running CDN: how soon too much is refused, running answers included, and that it lets go."""
import re
import socket
import threading
import time
import urllib.error
import urllib.request

from plays import CDN, Cdn, need

need(*CDN)

SLACK = 12  # seconds, on a machine that tests in parallel; what it took is printed
SIZE = 20_000_000


def edge_of(cdn):
    return re.search(r"edge (?:beijing\S*) \(.*?http://([0-9.]+:[0-9]+)", cdn.said).group(1)


def status_of(edge, host, path="/big"):
    request = urllib.request.Request(f"http://{edge}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            while answer.read(1 << 20):
                pass
            return answer.status, answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers


def seconds_until(condition):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + SLACK
        time.sleep(0.05)
    return time.monotonic() - begun


def slow_reader(edge, host, outcome):
    """Reads about 2 MB a second for as long as it is sent something."""
    with socket.create_connection(edge.split(":"), timeout=30) as viewer:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        viewer.sendall(f"GET /big HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        read = 0
        while read < SIZE:
            try:
                piece = viewer.recv(1 << 15)
            except ConnectionError:
                break
            if not piece:
                break
            read += len(piece)
            time.sleep(len(piece) / 2_000_000)
    outcome.append((time.monotonic(), read))


def test_a_cap_acts_within_seconds_and_lets_go(tmp_path):
    with Cdn(tmp_path, "--disk", "0") as cdn:
        (tmp_path / "site" / "big").write_bytes(b"x" * SIZE)
        edge, domain = edge_of(cdn), cdn.call("GET", "domains")[1]["items"][0]
        host = domain["name"]

        said = cdn.yz("cap", "set", "traffic", str(2 * SIZE), "--domain", host)
        assert said.returncode == 0 and f"{host} at most 40" in said.stdout, said
        assert status_of(edge, host)[0] == 200
        time.sleep(2)
        assert status_of(edge, host)[0] == 200, "the first half is no reason"
        took = seconds_until(lambda: status_of(edge, host, "/healthz-of-nobody")[0] == 503)
        print(f"traffic: refused after {took:.2f} s")
        assert int(status_of(edge, host)[1]["Retry-After"]) > 60
        listed = cdn.yz("cap", "list").stdout
        assert re.search(rf"{host} +traffic .* operator +suspended until ", listed), listed
        assert cdn.yz("cap", "set", "traffic", str(100 * SIZE), "--domain", host).returncode == 0
        assert len(cdn.call("GET", "caps")[1]["items"]) == 1, "changed, not added"
        took = seconds_until(lambda: status_of(edge, host)[0] == 200)
        print(f"raised: served after {took:.2f} s")

        time.sleep(6)  # the bandwidth of what was read until here is forgotten
        outcome = []
        viewer = threading.Thread(target=slow_reader, args=(edge, host, outcome))
        viewer.start()
        time.sleep(2)
        begun = time.monotonic()
        status, cap = cdn.call("POST", "caps", {"domain": domain["id"], "kind": "bandwidth", "limit": 2_000_000})
        assert status == 201, cap
        viewer.join()
        ended, read = outcome[0]
        print(f"bandwidth: cut {ended - begun:.2f} s after the cap was set, {read} bytes read")
        assert read < SIZE, "the running answer was not cut"
        assert status_of(edge, host)[0] == 503
        assert cdn.call("DELETE", f"caps/{cap['id']}")[0] == 204
        seconds_until(lambda: status_of(edge, host)[0] == 200)
