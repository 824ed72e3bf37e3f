"""Floods an edge on loopback and measures what good clients notice. By hand: tests/flood_by_hand.py build/release/bin/yz-edge

Four rounds of quiet and flood in turn, each SECONDS long: slowloris (CONNECTIONS that send a head byte by byte, from many
addresses of 127/8), then malformed requests as fast as they are refused. Good clients ask for a cached object on kept
connections at a steady pace; printed are their p50 and p99, and the edge's memory. Bounded in count and time; needs
`ulimit -n` above CONNECTIONS for the edge and for itself.
"""
import argparse, http.server, multiprocessing, os, random, resource, selectors, socket, subprocess, sys, threading, time

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
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 1000)

    def log_message(self, *arguments):
        pass


def good_client(port, seconds, results):
    """Four kept connections, a request each every 4 ms; seconds per answer."""
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


def memory_of(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edge")
    parser.add_argument("--connections", type=int, default=20000)
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    edge = subprocess.Popen([given.edge, "--listen", "127.0.0.1:%d" % port, "--memory", "64MiB", "--workers", "1",
                             "--origin", "http://127.0.0.1:%d" % origin.server_port])
    try:
        time.sleep(1)
        rounds = ["quiet", "slowloris", "quiet", "malformed"] * given.rounds
        for name in rounds:
            results, count = multiprocessing.Queue(), multiprocessing.Value("i", 0)
            floods = {"slowloris": [(slowloris, (port, given.seconds + 3, given.connections, count))],
                      "malformed": [(malformed, (port, given.seconds, count))]}.get(name, [])
            running = [multiprocessing.Process(target=what, args=args) for what, args in floods]
            for process in running:
                process.start()
            if name == "slowloris":
                time.sleep(3)  # all are connected by then
            client = multiprocessing.Process(target=good_client, args=(port, given.seconds - 1, results))
            client.start()
            times, wrong = results.get()
            memory = memory_of(edge.pid)
            for process in running + [client]:
                process.join()
            print("%-10s good: %d answers, %d wrong, p50 %.0f us, p99 %.0f us; flood %d; edge %d MiB" % (
                name, len(times), wrong, times[len(times) // 2] * 1e6, times[len(times) * 99 // 100] * 1e6, count.value,
                memory), flush=True)
    finally:
        edge.terminate()
        edge.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
