"""Prefetches in a whole running CDN: a film through its manifests, at the origin's pace, and refreshed first in one task."""
import collections
import http.server
import re
import threading
import time
import urllib.request

from plays import CDN, HOST, Cdn, free_port, need

need(*CDN)

VARIANTS = 2
SEGMENTS = 30
TYPES = {"m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml"}


class Origin:
    """A film in HLS and DASH; says when it was asked for what."""

    def __init__(self):
        self.asked, self.version, lock = [], 1, threading.Lock()
        self.files = {"/hls/index.m3u8": "#EXTM3U\n" + "".join(
            f"#EXT-X-STREAM-INF:BANDWIDTH={n}000000\nv{n}/list.m3u8\n" for n in range(VARIANTS))}
        for n in range(VARIANTS):
            self.files[f"/hls/v{n}/list.m3u8"] = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n' + "".join(
                f"#EXTINF:4,\n{i}.m4s\n" for i in range(SEGMENTS)) + "#EXT-X-ENDLIST\n"
        self.files["/dash/film.mpd"] = (
            '<MPD type="static" mediaPresentationDuration="PT20S"><Period><AdaptationSet>'
            '<SegmentTemplate duration="4" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/init"/>'
            '<Representation id="low" bandwidth="1"/></AdaptationSet></Period></MPD>')
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with lock:
                    origin.asked.append((time.monotonic(), self.path))
                body = (origin.files.get(self.path) or f"{self.path} version {origin.version}").encode()
                self.send_response(200)
                self.send_header("Cache-Control", "max-age=3600")
                self.send_header("ETag", f'"{origin.version}"')
                self.send_header("Content-Type", TYPES.get(self.path.rsplit(".")[-1], "video/mp4"))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((HOST, free_port()), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def counts(self):
        return collections.Counter(path for _, path in self.asked)


def fetch(edge, host, path):
    request = urllib.request.Request(f"http://{edge}{path}", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode(), answer.headers.get_all("Cache-Status")[-1]


def test_a_film_is_there_before_its_first_viewer(tmp_path):
    origin = Origin()
    with Cdn(tmp_path, "--disk", "0") as cdn:
        domain = cdn.call("GET", "domains")[1]["items"][0]
        host = domain["name"]
        edges = re.findall(r"edge (?!l2)\S+ \(.*?http://([0-9.]+:[0-9]+)", cdn.said)
        assert len(edges) >= 2, cdn.said
        there = {"origins": [{"host": HOST, "port": origin.server.server_port}]}
        assert cdn.call("PATCH", f"origin-groups/{domain['origin_group']}", there)[0] == 200

        said = cdn.yz("prefetch", f"http://{host}/hls/index.m3u8", f"http://{host}/dash/film.mpd")
        assert said.returncode == 0, said
        film = [f"/hls/v{n}/{name}" for n in range(VARIANTS)
                for name in ["list.m3u8", "init.mp4", *(f"{i}.m4s" for i in range(SEGMENTS))]]
        film += ["/hls/index.m3u8", "/dash/film.mpd", "/dash/low/init", *(f"/dash/low/{i}.m4s" for i in range(1, 6))]
        assert re.search(rf"done +\S+ \S+ +{len(film)}\b", said.stdout), said.stdout
        asked = origin.counts()
        assert {path: 1 for path in film} == asked, "each once for the whole CDN"
        for edge in edges:
            for path in film:
                assert "hit" in fetch(edge, host, path)[1], path

        # At a pace: 20 a second, of which a second's worth may come at once.
        assert cdn.call("PATCH", f"domains/{domain['id']}", {"prefetch_rate": 20})[0] == 200
        origin.asked.clear()
        paths = [f"/paced/{i}" for i in range(60)]
        said = cdn.yz("prefetch", *(f"http://{host}{path}" for path in paths))
        assert said.returncode == 0, said
        assert origin.counts() == {path: 1 for path in paths}
        times = [at for at, _ in origin.asked]
        within = max(sum(1 for t in times if at <= t < at + 1) for at in times)
        print(f"60 URLs at 20 a second: {times[-1] - times[0]:.2f} s, at most {within} in a second")
        assert times[-1] - times[0] >= 1.7 and within <= 46, "a second's worth saved, and 20 in it; a turn's slack"

        # Forgotten and loaded anew, in one task.
        origin.version = 2
        origin.asked.clear()
        path = paths[0]
        assert "version 1" in fetch(edges[0], host, path)[0]
        said = cdn.yz("prefetch", "--refresh", f"http://{host}{path}")
        assert said.returncode == 0, said
        assert origin.counts() == {path: 1}
        for edge in edges:
            body, status = fetch(edge, host, path)
            assert "version 2" in body and "hit" in status, (body, status)
        tasks = cdn.call("GET", "tasks?limit=1")[1]["items"]
        assert tasks[0]["kind"] == "prefetch" and tasks[0]["mode"] == "hard" and tasks[0]["state"] == "complete", tasks
