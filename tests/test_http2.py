"""yz-edge over HTTP/2 by clients that are not ours: curl, nghttp, h2load and the conformance suite h2spec."""

import http.server
import os
import pathlib
import re
import shutil
import subprocess
import threading
import urllib.request

import pytest

from plays import HOST, edge, free_port

SIZES = {"/1k": 1024, "/100k": 102_400, "/3m": 3_000_000}
H2SPEC = "go install github.com/summerwind/h2spec/cmd/h2spec@latest"


def body_of(path):
    return bytes(i * 7 % 251 for i in range(SIZES[path]))


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies = {path: body_of(path) for path in SIZES}

    def do_GET(self):
        body = self.bodies.get(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Cache-Control", "max-age=3600")
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def do_POST(self):
        if "Content-Length" in self.headers:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        else:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def origin():
    server = http.server.ThreadingHTTPServer((HOST, 0), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def port(tmp_path_factory, origin):
    with edge(tmp_path_factory.mktemp("edge"), origin) as at:
        yield at


def run(*command, **options):
    return subprocess.run(command, capture_output=True, timeout=120, **options)


def curl(port, path, *flags, how="--http2-prior-knowledge"):
    return run("curl", "-s", how, "--max-time", "30", *flags, f"http://{HOST}:{port}{path}")


@pytest.mark.parametrize("path", SIZES)
def test_curl_gets_what_the_origin_has_from_the_origin_and_from_the_cache(port, path):
    for _ in range(2):
        got = curl(port, path, "-D", "/dev/stderr")
        assert got.stdout == Origin.bodies[path]
        assert got.stderr.startswith(b"HTTP/2 200")
    assert b"; hit" in got.stderr


def test_ranges_and_heads_are_served(port):
    assert curl(port, "/100k", "-r", "100-299").stdout == Origin.bodies["/100k"][100:300]
    head = curl(port, "/100k", "-I").stdout
    assert head.startswith(b"HTTP/2 200") and b"content-length: 102400" in head


def test_uploads_reach_the_origin_whole(port, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(os.urandom(2_000_000))
    assert curl(port, "/up", "--data-binary", f"@{upload}").stdout == upload.read_bytes()
    with open(upload, "rb") as piped:  # of a length that curl cannot know
        streamed = run("curl", "-s", "--http2-prior-knowledge", "-X", "POST", "-T", "-", f"http://{HOST}:{port}/up", stdin=piped)
    assert streamed.stdout == upload.read_bytes()


def test_http1_is_served_on_the_same_port(port):
    assert urllib.request.urlopen(f"http://{HOST}:{port}/1k", timeout=10).read() == Origin.bodies["/1k"]


def test_http2_can_be_switched_off(tmp_path, origin):
    with edge(tmp_path, origin, "--http2", "off") as port:
        assert curl(port, "/1k").returncode != 0
        assert curl(port, "/1k", how="--http1.1").stdout == Origin.bodies["/1k"]


@pytest.mark.skipif(not shutil.which("nghttp"), reason="apt-get install nghttp2-client")
def test_nghttp_takes_many_at_once_with_small_windows(port):
    got = run("nghttp", "-n", "-s", "-w", "10", "-W", "11", "-m", "50", f"http://{HOST}:{port}/100k", f"http://{HOST}:{port}/1k")
    assert got.returncode == 0
    assert len(re.findall(rb"\s200\s+100K\s", got.stdout)) == 50, got.stdout


@pytest.mark.skipif(not shutil.which("h2load"), reason="apt-get install nghttp2-client")
def test_h2load_fails_no_request(port):
    got = run("h2load", "-n", "20000", "-c", "10", "-m", "100", f"http://{HOST}:{port}/1k", text=True)
    assert "20000 succeeded, 0 failed, 0 errored, 0 timeout" in got.stdout


@pytest.fixture(scope="module")
def tls_port(tmp_path_factory, origin):
    folder = tmp_path_factory.mktemp("tls")
    made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
               "/CN=edge.test", "-keyout", folder / "key.pem", "-out", folder / "cert.pem")
    assert made.returncode == 0, made.stderr
    at = free_port()
    with edge(folder, origin, "--tls-listen", f"{HOST}:{at}", "--cert", folder / "cert.pem", "--key", folder / "key.pem"):
        yield at


def test_tls_agrees_on_http2_and_falls_back(tls_port):
    url = f"https://{HOST}:{tls_port}/100k"
    got = run("curl", "-sk", "--http2", "-w", "%{stderr}%{http_version}", url)
    assert got.stdout == Origin.bodies["/100k"] and got.stderr == b"2"
    got = run("curl", "-sk", "--http1.1", "-w", "%{stderr}%{http_version}", url)
    assert got.stdout == Origin.bodies["/100k"] and got.stderr == b"1.1"


def find_h2spec():
    folders = [os.environ.get("GOBIN"), os.environ.get("GOPATH", str(pathlib.Path.home() / "go")) + "/bin"]
    return shutil.which("h2spec") or next((found for folder in folders if folder and (found := shutil.which("h2spec", path=folder))), None)


def h2spec_failures(*flags):
    got = run(find_h2spec(), "-h", HOST, "-P", "/1k", "-o", "5", *flags, text=True)
    assert re.search(r"\d+ tests, \d+ passed, 0 skipped", got.stdout), got.stdout
    told = got.stdout.partition("Failures:")[2]
    return re.findall(r"^\s*× (\d+: .*)$", told, re.M), told


@pytest.mark.skipif(not find_h2spec(), reason=H2SPEC)
def test_h2spec_finds_nothing_over_tls(tls_port):
    failed, told = h2spec_failures("-t", "-k", "-p", str(tls_port))
    assert not failed, told


@pytest.mark.skipif(not find_h2spec(), reason=H2SPEC)
def test_h2spec_finds_nothing_in_the_clear(port):
    """Nothing but one case: on a port that serves HTTP/1.1 as well, "INVALID CONNECTION PREFACE" is a bad HTTP/1.1
    request, and is answered as one. Over TLS ALPN has chosen, and that case counts."""
    failed, told = h2spec_failures("-p", str(port))
    assert failed in ([], ["2: Sends invalid connection preface"]), told
