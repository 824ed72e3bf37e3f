"""What is served: bodies any process can make again, and an origin for those that a cache asks for once."""
import hashlib
import http.client
import http.server
import re
import ssl
import threading

from .process import BenchError

UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}
HOST = "bench.example"


def size_of(text):
    """"10K" in bytes."""
    number, unit = re.fullmatch(r"(\d+)([KM]?)", text.upper()).groups()
    return int(number) * UNITS[unit]


def body_of(size):
    block = bytes(range(32, 127)) * 11
    return (block * (size // len(block) + 1))[:size]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked += 1
        body = body_of(int(self.path.strip("/").partition("?")[0]))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Cache-Control", "public, max-age=86400")
        self.send_header("ETag", '"%s"' % hashlib.md5(body).hexdigest())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class CachedOrigin:
    """Answers /SIZE with that many bytes, cacheable for a day, and counts what it is asked. Slow: it is asked once."""

    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.asked = 0
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def asked(self):
        return self._server.asked

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def fetch(port, path, expected, tls=False):
    """One GET on a connection of its own. Fails when status or content is not as expected, or TLS is not 1.3. Gives the
    cipher agreed upon; none in the clear."""
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": HOST})
        cipher = connection.sock.cipher() if tls else None
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"GET {path} on port {port}: {error!r}") from error
    finally:
        connection.close()
    if response.status != 200 or body != expected:
        raise BenchError(f"wrong answer to GET {path} on port {port}: status {response.status}, {len(body)} bytes "
                         f"(expected 200, {len(expected)})")
    if tls and cipher[1] != "TLSv1.3":
        raise BenchError(f"port {port} speaks {cipher[1]}, not TLS 1.3")
    return cipher[0] if tls else None
