"""Hit ratios of the cache room beside simulated caches, by our program hit_ratio."""
import json
import subprocess

from .contest import say
from .process import BenchError


class HitRatio:
    """Generated traces against the real room; no server is run."""

    def __init__(self, key, title, population=500_000, requests=2_000_000):
        self.key, self.title, self.population, self.requests = key, title, population, requests

    def missing(self, bench):  # pylint: disable=unused-argument
        return None

    def run(self, bench):
        say(f"{self.key}: nine comparisons, about half a minute")
        run = subprocess.run([bench.programs.path("hit_ratio"), str(self.population), str(self.requests)], capture_output=True, text=True,
                             check=False)
        if run.returncode != 0:
            raise BenchError(f"hit_ratio: exit {run.returncode}: {run.stderr[:400]}")
        found = [json.loads(line) for line in run.stdout.splitlines()]
        return {"title": self.title, "columns": ["trace", "cache holds", "objects asked for", "LRU", "ideal S3-FIFO", "yizhan", "yizhan, as many objects"],
                "rows": [self._row(f) for f in found], "verdicts": [v for f in found for v in judge(f)], "raw": found,
                "note": f"{self.requests:,} requests, hits counted in the second half. Memory given: head, body and 100 bytes for each of the objects the "
                        "simulated caches hold; in brackets how many of them really fitted. Last column: with the memory it takes to hold as many."}

    @staticmethod
    def _row(f):
        return [f["trace"], f"{f['share']:.0%}: {f['capacity']:,}", f"{f['footprint']:,}", f"{f['lru']:.2%}", f"{f['s3fifo']:.2%}",
                f"**{f['yizhan']:.2%}** ({f['objects']:,})", f"{f['equal']:.2%} ({f['equal_objects']:,})"]


def judge(f):
    """At most a point below the ideal S3-FIFO, and above LRU."""
    points = (f["yizhan"] - f["s3fifo"]) * 100
    above = (f["yizhan"] - f["lru"]) * 100
    what = f"{f['trace']}, {f['share']:.0%}"
    return [{"ours": f"cache room ({what})", "rival": "ideal S3-FIFO", "seen": f"{points:+.2f} points", "target": "≥ −1 point", "holds": points >= -1},
            {"ours": f"cache room ({what})", "rival": "LRU", "seen": f"{above:+.2f} points", "target": "> 0", "holds": above > 0}]
