"""What ./dev bench edge measures, by name, with the figure each must reach."""
from .contest import CachedObject, Target
from .content import size_of
from .hit_ratio import HitRatio
from .http2 import Http2
from .latency import Latency
from .memory import Churn, IdleConnections, MemoryPerObject
from .miss import Miss

PLAIN = ["nginx", "nginx without sendfile", "haproxy", "varnish", "trafficserver", "squid"]
TLS = ["nginx", "haproxy", "trafficserver"]
OURS = ["yz-edge (epoll)", "yz-edge (io_uring)"]


def both(rivals, factor, uring_factor=None):
    return [Target(OURS[0], rivals, factor), Target(OURS[1], rivals, uring_factor or factor)]


def cached(name, factor, uring_factor=None, extra=()):
    return CachedObject(name.lower(), f"Cached object of {name}B, plain HTTP", size_of(name),
                        both(PLAIN, factor, uring_factor) + list(extra))


def http2(key, how, door):
    return Http2(key, f"HTTP/2, cached object of 1KB, {how}, 64 connections of 16 streams", 1024,
                 both(["h2o", "haproxy"], 1.0) + both(["nginx"], 5.0), door)


def all_sections():
    return [
        cached("1K", 1.5, 1.8, [Target(OURS[0], ["bare epoll"], 0.85)]),
        cached("10K", 1.4),
        cached("100K", 1.2),
        cached("1M", 1.0),
        Latency("p99", "Latency at half load, cached object of 1KB, plain HTTP", 1024, both(PLAIN, 1.0)),
        CachedObject("tls1k", "Cached object of 1KB, TLS 1.3", 1024, both(TLS, 1.3), "tls"),
        CachedObject("tls100k", "Cached object of 100KB, TLS 1.3", 102400, both(TLS, 1.1), "tls"),
        CachedObject("handshake", "New TLS 1.3 connections, one request of 1KB on each", 1024, both(["nginx"], 1.0), "tls", close=True),
        http2("h2", "TLS 1.3", "tls"),
        http2("h2c", "in the clear", "h2c"),
        Miss("miss", "Miss path: 1KB that may not be stored, through to a fast origin", both(PLAIN, 1.2)),
        MemoryPerObject("memory", "Memory of a million objects of 1KB", 1_000_000, 100),
        IdleConnections("idle", "Memory of 10,000 idle connections", 10_000, 1024),
        Churn("churn", "Memory under churn", 0.03, 20),
        HitRatio("hitratio", "Hit ratio of the cache room"),
    ]
