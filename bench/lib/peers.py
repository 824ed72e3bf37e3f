"""The servers compared: how each is installed, configured and started, all with one worker on one core."""
import copy
import os
import pathlib
import re
import resource
import shutil
import subprocess

from .content import body_of
from .machine import version_of
from .process import BenchError, Daemon, free_port

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"


class Certificate:
    """A self-signed ECDSA P-256 certificate for bench.example, in a folder: what most CDN hosts serve today."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.cert, self.key, self.pem = folder / "cert.pem", folder / "key.pem", folder / "both.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example,IP:127.0.0.1",
                        "-keyout", self.key, "-out", self.cert], check=True, capture_output=True)
        self.pem.write_bytes(self.cert.read_bytes() + self.key.read_bytes())
        for file in (self.cert, self.key, self.pem):
            file.chmod(0o644)


def filled(template, values):
    """The template with each @NAME@ replaced; a name without a value is an error."""
    def value(found):
        if found[1] not in values:
            raise BenchError(f"the configuration names @{found[1]}@, which has no value")
        return str(values[found[1]])
    return re.sub(r"@([A-Z0-9_]+)@", value, template)


def max_connections():
    """Viewers' connections a peer is told to allow: two descriptors for each, and some for itself."""
    return min(30000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 100)


class Server(Daemon):
    """A running server: its ports by purpose (`plain`, `tls`, `h2c`), as far as it has them."""

    ports: dict

    def url(self, path, purpose="plain"):
        return f"{'https' if purpose == 'tls' else 'http'}://127.0.0.1:{self.ports[purpose]}{path}"


class Peer:
    """Somebody else's server. Subclasses say how it is called; `doors` are the kinds of port it serves."""

    name = program = ""
    doors = ("plain",)
    caches = True
    h2_doors = ()
    same_port = {}  # doors behind one port
    wait = 30.0
    rules = {}  # what its configuration's @RULES@ becomes, by purpose

    def version(self):
        return version_of([self.program, "-v"], r"(\d+\.\d+(?:\.\d+)*)")

    def is_installed(self):
        return shutil.which(self.program) is not None

    def command(self, folder, values):
        raise NotImplementedError

    def configure(self, folder, values):
        """Writes its files from bench/peers."""
        (folder / f"{self.name}.conf").write_text(filled((PEERS / f"{self.name}.conf").read_text(), values))

    def environment(self, folder):  # pylint: disable=unused-argument
        return {}

    def start(self, top, origin, certificate, cpu, purpose="speed"):
        """Runs it in a folder of its own below `top`, on free ports, in front of the origin's port. `purpose` is "speed", "miss"
        or "conformance": what makes it cache more by the book may cost it time, so each is judged with its best."""
        try:
            return self._start(top, origin, certificate, cpu, purpose)
        except BenchError:  # a port that was free may be somebody else's by now: once more
            return self._start(top, origin, certificate, cpu, purpose)

    def _start(self, top, origin, certificate, cpu, purpose):
        folder = pathlib.Path(top) / self.name.replace(" ", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        folder.chmod(0o777)
        ports = {door: free_port() for door in self.doors}
        ports |= {door: ports[other] for door, other in self.same_port.items() if door in ports}
        values = {"FOLDER": folder, "ORIGIN": origin, "CERT": certificate.cert, "KEY": certificate.key, "PEM": certificate.pem,
                  "USER_LINE": "", "CONNECTIONS": max_connections(),
                  "RULES": self.rules.get(purpose, ""), **{door.upper(): port for door, port in ports.items()}}
        self.configure(folder, values)
        server = Server(self.name, self.command(folder, values), ports[self.doors[0]], cpu, self.environment(folder),
                        folder / "output.log", self.wait, tuple(ports[door] for door in self.doors[1:]))
        server.ports = ports
        return server


class Nginx(Peer):
    name = program = "nginx"
    doors = ("plain", "tls", "h2c")
    sendfile = "sendfile on;"
    # The lock makes parallel requests wait for each other, which is wanted only where all of them may share the answer.
    rules = {"speed": "proxy_cache_lock on;", "conformance": "proxy_cache_revalidate on;"}
    h2_doors = ("tls", "h2c")

    def configure(self, folder, values):
        user = "user root;" if os.geteuid() == 0 else ""
        text = filled((PEERS / "nginx.conf").read_text(), {**values, "USER_LINE": user, "SENDFILE": self.sendfile})
        (folder / "nginx.conf").write_text(text)

    def command(self, folder, values):
        return ["nginx", "-e", f"{folder}/early.log", "-c", f"{folder}/nginx.conf"]


class NginxWithoutSendfile(Nginx):
    """Head and body of a small object in one writev: better at 1 KB, worse from 10 KB on."""

    name = "nginx without sendfile"
    doors = ("plain",)
    h2_doors = ()
    sendfile = "sendfile off; output_buffers 2 128k;"

    def configure(self, folder, values):
        super().configure(folder, {**values, "TLS": free_port(), "H2C": free_port()})


class Haproxy(Peer):
    name = program = "haproxy"
    doors = ("plain", "tls", "h2c")
    rules = {"conformance": "process-vary on"}
    h2_doors = ("tls", "h2c")

    def command(self, folder, values):
        return ["haproxy", "-db", "-f", f"{folder}/haproxy.conf"]


VARNISH_TAGS = """Begin End Link SessOpen SessClose ReqStart ReqMethod ReqURL ReqProtocol ReqHeader ReqUnset ReqAcct RespProtocol
RespStatus RespReason RespHeader RespUnset BereqMethod BereqURL BereqProtocol BereqHeader BereqUnset BereqAcct BerespProtocol
BerespStatus BerespReason BerespHeader BerespUnset ObjProtocol ObjStatus ObjReason ObjHeader Timestamp VCL_call VCL_return VCL_use
VCL_acl Hit HitMiss HitPass Length Storage Fetch_Body TTL BackendOpen BackendReuse BackendClose BackendStart ExpKill ExpBan
Filters Witness Debug""".split()


class Varnish(Peer):
    name, program = "varnish", "varnishd"
    # As installed it keeps for two minutes what names no lifetime, which the suite forbids.
    rules = {"conformance": "default_ttl=0"}

    def version(self):
        return version_of(["varnishd", "-V"], r"varnish-(\d+[.\d]*)")

    def command(self, folder, values):
        parameters = {"thread_pools": 1, "thread_pool_min": 100, "thread_pool_max": 5000, "vsl_mask": ",".join("-" + tag for tag in VARNISH_TAGS), "timeout_idle": 3600,
                      "http_gzip_support": "off", "listen_depth": 4096}
        return ["varnishd", "-F", "-j", "none", "-T", "none", "-n", f"{folder}/work", "-a", f"127.0.0.1:{values['PLAIN']}",
                "-f", f"{folder}/varnish.conf", "-s", "malloc,2g", *(f"-p{name}={value}" for name, value in parameters.items()),
                *(f"-p{rule}" for rule in values["RULES"].split())]


class Squid(Peer):
    name = program = "squid"
    rules = {"speed": "collapsed_forwarding on\nclient_idle_pconn_timeout 1 hour\nserver_idle_pconn_timeout 1 hour",
             "miss": "client_idle_pconn_timeout 1 hour\nserver_idle_pconn_timeout 1 hour"}

    def configure(self, folder, values):
        # As root it insists on becoming somebody else, who must be able to write its folder.
        super().configure(folder, {**values, "USER_LINE": "cache_effective_user nobody" if os.geteuid() == 0 else ""})

    def command(self, folder, values):
        return ["squid", "-N", "-f", f"{folder}/squid.conf"]


class TrafficServer(Peer):
    name, program = "trafficserver", "traffic_server"
    doors = ("plain", "tls")
    # 2: freshness must be explicit; 1: Last-Modified will do.
    rules = {purpose: f"CONFIG proxy.config.http.cache.required_headers INT {1 if purpose == 'conformance' else 2}"
             for purpose in ("speed", "miss", "conformance")}

    def version(self):
        return version_of(["traffic_server", "--version"], r"(?i)traffic ?_?server[ -]+(\d+[.\d]*)")

    def configure(self, folder, values):
        for part in ("etc", "var", "run", "log", "cache"):
            (folder / part).mkdir()
            (folder / part).chmod(0o777)
        # "#-1": stay who we are.
        records = filled((PEERS / "trafficserver.conf").read_text(), {**values, "USER": "#-1"})
        etc = folder / "etc"
        (etc / "records.config").write_text(records)
        (etc / "remap.config").write_text(f"map / http://127.0.0.1:{values['ORIGIN']}/\n")
        (etc / "storage.config").write_text(f"{folder}/cache 2G\n")
        (etc / "plugin.config").write_text("")
        (etc / "ip_allow.yaml").write_text("ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n    methods: ALL\n")
        (etc / "ssl_multicert.config").write_text("dest_ip=* ssl_cert_name=both.pem\n")
        shutil.copy(values["PEM"], etc / "both.pem")
        shutil.copytree("/etc/trafficserver/body_factory", etc / "body_factory")
        layout = {"prefix": folder, "exec_prefix": folder, "bindir": "/usr/bin", "sbindir": "/usr/sbin", "sysconfdir": etc, "datadir": folder / "var",
                  "includedir": "/usr/include", "libdir": "/usr/lib/trafficserver", "libexecdir": "/usr/lib/trafficserver/modules",
                  "localstatedir": folder / "var", "runtimedir": folder / "run", "logdir": folder / "log", "mandir": folder, "infodir": folder,
                  "cachedir": folder / "cache"}
        (folder / "runroot.yaml").write_text("".join(f"{name}: {path}\n" for name, path in layout.items()))

    def command(self, folder, values):
        return ["traffic_server", f"--run-root={folder}/runroot.yaml"]


class H2o(Peer):
    """No cache: it serves files of its own, as many bytes as the path says."""

    name = program = "h2o"
    caches = False
    doors = ("h2c", "tls")
    h2_doors = ("tls", "h2c")

    def configure(self, folder, values):
        super().configure(folder, {**values, "USER_LINE": "user: nobody" if os.geteuid() == 0 else ""})
        (folder / "www").mkdir()
        for size in (1024, 10240, 102400):
            (folder / "www" / str(size)).write_bytes(body_of(size))

    def environment(self, folder):
        settings = folder / "openssl.cnf"
        settings.write_text("openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = suites\n[suites]\n"
                            "Ciphersuites = TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384\n")
        return {"OPENSSL_CONF": str(settings)}

    def version(self):
        return version_of(["h2o", "-v"], r"version (\d+[.\d]*)")

    def command(self, folder, values):
        return ["h2o", "-c", f"{folder}/h2o.conf"]


class Edge(Peer):
    """Ours. `io` is a value of its I/O option, or None where it has no such choice."""

    program = "yz-edge"
    same_port = {"h2c": "plain"}

    def __init__(self, binary, features, io=None, profile="rfc"):
        self.binary, self.features, self.io, self.profile = binary, features, io, profile
        self.name = "yz-edge (io_uring)" if io and "uring" in io else "yz-edge (epoll)"
        self.memory = "1GiB"
        self.doors = ("plain", "tls") if features.tls else ("plain",)
        self.h2_doors = ()

    def learn_h2(self, folder, certificate):
        """Finds out which of its doors speak HTTP/2, by asking. A plain one that does is door "h2c" as well."""
        server = self.start(folder, free_port(), certificate, None)
        try:
            doors = [door for door in self.doors if http_version(server.url("/.yz/healthz", door)) == "2"]
        finally:
            server.stop()
        self.h2_doors = tuple("h2c" if door == "plain" else door for door in doors)
        if "plain" in doors:
            self.doors += ("h2c",)

    def version(self):
        return None

    def is_installed(self):
        return pathlib.Path(self.binary).exists()

    def configure(self, folder, values):
        pass

    def with_memory(self, memory):
        """The same with another budget."""
        other = copy.copy(self)
        other.memory = memory
        return other

    def command(self, folder, values):
        command = [str(self.binary), "--listen", f"127.0.0.1:{values['PLAIN']}", "--origin", f"http://127.0.0.1:{values['ORIGIN']}",
                   "--memory", self.memory, "--workers", "1", "--profile", self.profile]
        if "TLS" in values:
            command += ["--tls-listen", f"127.0.0.1:{values['TLS']}", "--cert", str(values["CERT"]), "--key", str(values["KEY"])]
        if self.io:
            command += [self.features.io_flag, self.io]
        return command


class EdgeFeatures:
    """What this build of yz-edge can do, by its own --help."""

    def __init__(self, text):
        self.io_flag, self.io_choices = None, {}
        for flag, choices in re.findall(r"(--[\w-]+)[ =]+((?:[\w-]+\|)+[\w-]+)", text):
            names = choices.split("|")
            if any("uring" in name for name in names) and "epoll" in names:
                self.io_flag = flag
                self.io_choices = {"io_uring" if "uring" in name else name: name for name in names if name == "epoll" or "uring" in name}
        self.tls = "--tls-listen" in text

    @staticmethod
    def of(binary):
        run = subprocess.run([binary, "--help"], capture_output=True, text=True, check=False)
        return EdgeFeatures(run.stdout + run.stderr)


class Responder(Peer):
    """Our yardstick: a fixed answer by bare epoll or io_uring; no parsing, no cache."""

    caches = False

    def __init__(self, folder, backend, size):
        self.program, self.size = pathlib.Path(folder) / f"bare_{backend}", size
        self.name = f"bare {'io_uring' if backend == 'uring' else backend}"

    def version(self):
        return None

    def is_installed(self):
        return self.program.exists()

    def configure(self, folder, values):
        pass

    def command(self, folder, values):
        return [str(self.program), "--port", str(values["PLAIN"]), "--size", str(self.size)]


def http_version(url):
    """The version of HTTP that an answer comes by when HTTP/2 is offered, as curl names it; "0": none came."""
    how = ["--http2", "-k"] if url.startswith("https") else ["--http2-prior-knowledge"]
    run = subprocess.run(["curl", "-s", "-m", "5", "-o", "/dev/null", *how, "-w", "%{http_version}", url], capture_output=True, text=True, check=False)
    return run.stdout.strip()


class Programs:
    """Our own programs of bench/programs, as built."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def responders(self, size):
        return [Responder(self.folder, backend, size) for backend in ("epoll", "uring")]

    def path(self, name):
        return str(self.folder / name)


def peers():
    return [Nginx(), NginxWithoutSendfile(), Haproxy(), Varnish(), TrafficServer(), Squid(), H2o()]


def edges(folder):
    """Ours, once for each kind of I/O this build offers."""
    binary = pathlib.Path(folder) / "yz-edge"
    if not binary.exists():
        raise BenchError(f"{binary} is not built")
    features = EdgeFeatures.of(binary)
    return [Edge(binary, features, value) for value in features.io_choices.values()] or [Edge(binary, features)]
