"""What ./dev bench edge measures, by name, with the figure each must reach."""
from .contest import CachedObject, Target
from .content import size_of

PLAIN = ["nginx", "nginx without sendfile", "haproxy", "varnish", "trafficserver", "squid"]
OURS = ["yz-edge (epoll)", "yz-edge (io_uring)"]


def both(rivals, factor, uring_factor=None):
    return [Target(OURS[0], rivals, factor), Target(OURS[1], rivals, uring_factor or factor)]


def cached(name, factor, uring_factor=None, extra=()):
    return CachedObject(name.lower(), f"Cached object of {name}B, plain HTTP", size_of(name),
                        both(PLAIN, factor, uring_factor) + list(extra))


def all_sections():
    return [
        cached("1K", 1.5, 1.8, [Target(OURS[0], ["bare epoll"], 0.85)]),
        cached("10K", 1.4),
        cached("100K", 1.2),
        cached("1M", 1.0),
    ]
