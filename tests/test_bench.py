"""The benches count what they say they count."""
import pytest

import plays  # noqa: F401 (says where lib is)
from lib.conformance import Score, read_exceptions
from lib.content import body_of, size_of
from lib.contest import Target, verdicts
from lib.hit_ratio import judge
from lib.http2 import parse_h2load
from lib.loads import parse_wrk
from lib.peers import PEERS, EdgeFeatures, filled
from lib.process import TICKS, BenchError, CpuCost, CpuSample


def make_process(proc, pid, ticks, threads, children=""):
    """A process in a /proc of our own: ticks (user, system, those of ended children), threads {tid: nanoseconds}."""
    (proc / str(pid) / "task").mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "stat").write_text(f"{pid} (a (b) c) " + " ".join(["S"] + ["0"] * 10 + [str(t) for t in ticks] + ["0"] * 5))
    for tid, nanoseconds in threads.items():
        task = proc / str(pid) / "task" / str(tid)
        task.mkdir(exist_ok=True)
        (task / "schedstat").write_text(f"{nanoseconds} 1 2\n")
        (task / "children").write_text(children if tid == pid else "")


def test_cpu_of_children_and_their_threads_counts(tmp_path):
    make_process(tmp_path, 10, (1, 2, 0, 0), {10: 1_000}, children="11 ")
    make_process(tmp_path, 11, (5, 5, 0, 0), {11: 2_000, 12: 3_000})
    before = CpuSample.of(10, tmp_path)
    make_process(tmp_path, 10, (2, 4, 0, 0), {10: 2_000}, children="11 ")
    make_process(tmp_path, 11, (105, 55, 0, 0), {11: 1_000_002_000, 12: 500_003_000, 13: 7_000})
    cost = CpuCost.between(before, CpuSample.of(10, tmp_path))
    assert cost.user == pytest.approx(101 / TICKS) and cost.system == pytest.approx(52 / TICKS)
    assert cost.total == pytest.approx(1.500008)


def test_cpu_of_a_thread_that_ended_is_not_lost(tmp_path):
    make_process(tmp_path, 10, (0, 0, 0, 0), {10: 1_000, 11: 9_000})
    before = CpuSample.of(10, tmp_path)
    make_process(tmp_path, 10, (30, 20, 4, 1), {10: 2_000})
    (tmp_path / "10/task/11/schedstat").unlink()
    cost = CpuCost.between(before, CpuSample.of(10, tmp_path))
    assert cost.total == pytest.approx(55 / TICKS)


def test_a_ratio_is_taken_run_by_run_against_the_best_rival():
    results = {"ours": [30, 10, 44], "fast": [10, 10, 22], "slow": [5, 50, 5]}
    (verdict,) = verdicts(results, [Target("ours", ["slow", "fast", "absent"], 1.5)])
    assert verdict["rival"] == "fast" and verdict["ratio"] == 2 and verdict["holds"]
    assert (verdict["low"], verdict["high"]) == (1, 3)
    (verdict,) = verdicts(results, [Target("ours", ["fast"], 1.0)], more_is_better=False)
    assert verdict["ratio"] == 0.5 and not verdict["holds"]
    assert verdicts(results, [Target("absent", ["fast"], 1), Target("ours", ["absent"], 1)]) == []


def test_a_configuration_names_nothing_without_a_value():
    assert filled("listen @PLAIN@;", {"PLAIN": 80}) == "listen 80;"
    with pytest.raises(BenchError):
        filled("listen @PLAIN@;", {})
    for file in PEERS.iterdir():
        assert file.read_text().startswith(("#", "vcl")), f"{file.name} does not say why it is fair"


def test_the_edge_says_which_io_it_has():
    features = EdgeFeatures("  --profile rfc|safe   x\n  --io auto|epoll|io_uring   how\n")
    assert features.io_flag == "--io" and features.io_choices == {"epoll": "epoll", "io_uring": "io_uring"}
    assert EdgeFeatures("--profile rfc|safe").io_choices == {}


def test_load_results_are_read():
    assert parse_wrk("Running\nRESULT 100 2000 3000000 0 1 2\n") == (100, 2000, 3000000, 0, 1, 2)
    with pytest.raises(BenchError):
        parse_wrk("unable to connect")
    assert size_of("10K") == 10240 and len(body_of(100)) == 100 and body_of(1000)[:95] == body_of(1000)[95:190]


def test_a_test_of_the_suite_counts_only_with_all_it_depends_on():
    tests = [{"id": "a", "kind": "required", "depends_on": [], "browser_only": False},
             {"id": "b", "kind": "required", "depends_on": ["a"], "browser_only": False},
             {"id": "c", "kind": "optimal", "depends_on": ["b"], "browser_only": False},
             {"id": "d", "kind": "required", "depends_on": [], "browser_only": True},
             {"id": "e", "kind": "check", "depends_on": ["d"], "browser_only": False}]
    score = Score(tests, {"a": ["Assertion", "wrong"], "b": True, "c": True, "e": True})
    assert (score.count("required"), score.count("optimal"), score.count("check")) == ((0, 2), (0, 1), (0, 1))
    assert score.failures("required") == [("a", "Assertion: wrong"), ("b", "depends on a")]
    assert Score(tests, {"a": True, "b": True, "c": True}).count("optimal") == (1, 1)


def test_exceptions_have_reasons(tmp_path):
    (tmp_path / "list").write_text("# because: of\nold-test: the origin lies\n\n")
    assert read_exceptions(tmp_path / "list") == {"old-test": "the origin lies"}
    assert read_exceptions(tmp_path / "none") == {}


def test_h2load_results_are_read():
    output = ("finished in 2.50s, 100.00 req/s, 1MB/s\nrequests: 10 total, 10 started, 10 done, 9 succeeded, 1 failed, 0 errored, 0 timeout\n"
              "status codes: 8 2xx, 0 3xx, 1 4xx, 0 5xx\ntraffic: 1.00KB (1024) total, 1B (1) headers (space savings 9.00%), 9.00KB (9216) data\n")
    assert parse_h2load(output) == (9, 2, 9216, 2.5)


def test_hit_ratios_are_judged_to_a_point():
    found = {"trace": "t", "share": 0.01, "s3fifo": 0.500, "lru": 0.490, "yizhan": 0.4905}
    assert [v["holds"] for v in judge(found)] == [True, True]
    assert [v["holds"] for v in judge({**found, "yizhan": 0.4895})] == [False, False]
