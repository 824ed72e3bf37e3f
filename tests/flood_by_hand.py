"""Floods an edge on loopback and measures what good clients notice. By hand: tests/flood_by_hand.py build/release/bin/yz-edge

Rounds of quiet and of a flood in turn, each SECONDS long: slowloris (CONNECTIONS that send a head byte by byte, from many
addresses of 127/8), slow readers (2,000 that take a large answer by crumbs), malformed requests as fast as they are refused,
and HTTP/2 floods (streams reset at once, PING, SETTINGS, endless CONTINUATION) on new connections as fast as they are cut.
Good clients ask for a cached object on kept connections at a steady pace; printed are their p50 and p99, the p99 against
that of the quiet rounds, and the edge's memory. The edge has the first core, all others the second, the good clients
first there and the floods last (as root). Bounded in count and time; needs `ulimit -n` above CONNECTIONS for the edge and for itself.
"""
import argparse, http.server, multiprocessing, os, random, resource, selectors, socket, statistics, subprocess, sys, threading, time

MALFORMED = [
    b"GET /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /a HTTP/1.1\nHost: a.test\n\n", b"GET /a HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00" + bytes(200),
    b"GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n", b"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: +1\r\n\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: a.test\r\nX : y\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a.test\r\n" + b"X: y\r\n" * 200 + b"\r\n", os.urandom(300),
]


class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Cache-Control", "max-age=3600")
        size = 3_000_000 if self.path == "/large" else 1000
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b"x" * size)

    def log_message(self, *arguments):
        pass


def good_client(port, seconds, results):
    """Four kept connections, a request each every 4 ms; seconds per answer."""
    if os.geteuid() == 0:  # whoever measures must not wait for the flood's turn to end
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
    times, wrong, end, turn = [], 0, time.monotonic() + seconds, 0
    request = b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"
    due = time.monotonic()
    while due < end:
        due += 0.001
        time.sleep(max(0, due - time.monotonic()))
        connection = connections[turn % 4]
        turn += 1
        begin = time.monotonic()
        connection.sendall(request)
        answer = b""
        while not (b"\r\n\r\n" in answer and len(answer.split(b"\r\n\r\n", 1)[1]) >= 1000):
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
        times.append(time.monotonic() - begin)
        wrong += not answer.startswith(b"HTTP/1.1 200")
    results.put((sorted(times), wrong))


def slowloris(port, seconds, count, opened):
    selector = selectors.DefaultSelector()
    waiting, end = {}, time.monotonic() + seconds

    def open_one(i):
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind(("127.0.%d.%d" % (1 + i // 250 % 80, 2 + i % 250), 0))
        connection.connect_ex(("127.0.0.1", port))
        waiting[connection] = i
        selector.register(connection, selectors.EVENT_READ)
        opened.value += 1

    for i in range(count):
        open_one(i)
        if i % 200 == 0:
            time.sleep(0.005)
    while time.monotonic() < end:
        for connection in list(waiting):
            try:
                connection.send(b"GET /a HTTP/1.1\r\nX: a" if waiting[connection] >= 0 else b"b")
                waiting[connection] = -1
            except OSError:
                pass
        for key, _ in selector.select(0.5):
            connection = key.fileobj
            selector.unregister(connection)
            waiting.pop(connection)
            connection.close()
            if time.monotonic() < end - 2:
                open_one(random.randrange(20000))
        time.sleep(0.5)


def malformed(port, seconds, sent):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.socket() as connection:
                connection.settimeout(1)
                connection.bind(("127.0.%d.%d" % (random.randint(1, 250), random.randint(2, 250)), 0))
                connection.connect(("127.0.0.1", port))
                connection.sendall(random.choice(MALFORMED))
                connection.recv(4096)
        except OSError:
            pass
        sent.value += 1


def slow_readers(port, seconds, count, opened):
    connections, end = [], time.monotonic() + seconds
    for i in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.bind(("127.0.%d.%d" % (101 + i // 250 % 80, 2 + i % 250), 0))
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n")
        connection.setblocking(False)
        connections.append(connection)
        opened.value += 1
    while time.monotonic() < end:
        for connection in connections:
            try:
                connection.recv(100)
            except OSError:
                pass
        time.sleep(0.5)


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


# GET http / of a.test, by the static table
BLOCK = b"\x82\x86\x84\x41\x06a.test"
H2_FLOODS = [
    b"".join(frame(1, 5, i, BLOCK) + frame(3, 0, i, b"\0\0\0\x08") for i in range(1, 8001, 2)),
    frame(6, 0, 0, bytes(8)) * 8000,
    frame(4, 0, 0, b"\0\x03\0\0\0\x64") * 8000,
    frame(1, 1, 1, BLOCK) + frame(9, 0, 1, b"\0\x01a\x01b" * 100) * 2000,
    frame(8, 0, 0, b"\0\0\0\x01") * 20000,
]


def http2(port, seconds, sent):
    end = time.monotonic() + seconds
    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
    while time.monotonic() < end:
        try:
            with socket.socket() as connection:
                connection.settimeout(1)
                connection.bind(("127.0.%d.%d" % (random.randint(1, 250), random.randint(2, 250)), 0))
                connection.connect(("127.0.0.1", port))
                connection.sendall(start + random.choice(H2_FLOODS))
                while connection.recv(65536):
                    pass
        except OSError:
            pass
        sent.value += 1


def memory_of(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


def flood(what, *arguments):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    what(*arguments)


def play(name, given, port, edge):
    """One round: the good client's times, sorted, and a line about it."""
    results, count = multiprocessing.Queue(), multiprocessing.Value("i", 0)
    floods = {"slowloris": (slowloris, port, given.seconds + 3, given.connections, count),
              "readers": (slow_readers, port, given.seconds + 3, 2000, count),
              "malformed": (malformed, port, given.seconds, count), "http/2": (http2, port, given.seconds, count)}
    running = [multiprocessing.Process(target=flood, args=floods[name])] if name in floods else []
    for process in running:
        process.start()
    if name in ("slowloris", "readers"):
        time.sleep(3)  # all are connected by then
    client = multiprocessing.Process(target=good_client, args=(port, given.seconds - 1, results))
    client.start()
    times, wrong = results.get()
    memory = memory_of(edge.pid)
    for process in running + [client]:
        process.join()
    return times, "%d answers, %d wrong, p50 %.0f us, p99 %.0f us; flood %d; edge %d MiB" % (
        len(times), wrong, times[len(times) // 2] * 1e6, times[len(times) * 99 // 100] * 1e6, count.value, memory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edge")
    parser.add_argument("--connections", type=int, default=20000)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--floods", default="slowloris,readers,malformed,http/2")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cores = sorted(os.sched_getaffinity(0))
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    edge = subprocess.Popen([given.edge, "--listen", "127.0.0.1:%d" % port, "--memory", "64MiB", "--workers", "1",
                             "--origin", "http://127.0.0.1:%d" % origin.server_port])
    os.sched_setaffinity(edge.pid, cores[:1])
    os.sched_setaffinity(0, cores[-1:])
    p99s = {}
    try:
        time.sleep(1)
        for _ in range(given.rounds):
            for name in given.floods.split(","):
                for kind in ("quiet", name):
                    times, line = play(kind, given, port, edge)
                    p99s.setdefault((name, kind), []).append(times[len(times) * 99 // 100])
                    print("%-10s good: %s" % (kind, line), flush=True)
        for name in given.floods.split(","):
            pairs = [with_flood / without for without, with_flood in zip(p99s[name, "quiet"], p99s[name, name])]
            print("%-10s p99 of good clients: %.2f of quiet (%.2f-%.2f)" % (name, statistics.median(pairs), min(pairs), max(pairs)))
    finally:
        edge.terminate()
        edge.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
