"""MariaDB is killed with SIGKILL while changes and refreshes are accepted and twenty agents ship what they counted.
Nothing accepted is lost or done twice, the counts are exact, and everything goes on within seconds of its return."""
import os
import random
import threading
import time
import uuid

from plays import BIN, eventually, need
from test_two_controls import MariaDb

from lib.fleet import Control, Crowd, Refused, make_world, requests_counted

need("yz-control", "agent_crowd")

KILLS = int(os.environ.get("YZ_MARIADB_KILLS", "2"))
AGENTS = 20


def insist(control, path, body, stop_after=60):
    """Repeats a POST, with one idempotency key, until it is accepted."""
    key, deadline = str(uuid.uuid4()), time.monotonic() + stop_after
    while True:
        try:
            return control.call("POST", path, body, {"Idempotency-Key": key})
        except Refused as refused:
            assert refused.status in (409, 429, 503), refused
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{path} was never accepted"
        time.sleep(0.02)


def test_nothing_accepted_is_lost_when_mariadb_is_killed(tmp_path):
    begun, chance = time.time() - 60, random.Random(7)
    database = MariaDb(tmp_path, "--innodb-flush-log-at-trx-commit=1")
    control = crowd = None
    stop = threading.Event()
    tasks, changes, failures, workers = [], [], [], []

    def work(out, make):
        try:
            while not stop.is_set():
                out.append(make(len(out)))
        except Exception as error:  # shown by the test's own thread
            failures.append(error)

    try:
        control = Control(BIN, tmp_path, database.url)
        world = make_world(control, AGENTS, 5)
        crowd = Crowd(BIN, control, world, tmp_path, seed=1, usage_ms=100, delay_ms=(1, 5))
        crowd.wait("connected", 60)
        config_before = control.call("GET", "/healthz")["config_seq"]
        for n in range(2):
            workers.append(threading.Thread(target=work, args=(tasks, lambda i, n=n: insist(
                control, "/api/v1/refresh", {"urls": [f"http://d0.bench.test/{n}-{i}"]}))))
            workers.append(threading.Thread(target=work, args=(changes, lambda i: insist(
                control, "/api/v1/origin-groups",
                {"tenant": world["tenant"], "name": str(uuid.uuid4()), "origins": [{"host": "127.0.0.1", "port": 9000}]}))))
        for worker in workers:
            worker.start()
        recovered = []
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 1.5))
            database.kill()
            time.sleep(chance.uniform(0.1, 1))
            database.start()
            back = time.monotonic()
            task = insist(control, "/api/v1/refresh", {"urls": ["http://d0.bench.test/after"]})
            eventually(lambda: control.call("GET", f"/api/v1/tasks/{task['id']}")["progress"]["done"] == AGENTS)
            recovered.append(time.monotonic() - back)
            tasks.append(task)
        stop.set()
        for worker in workers:
            worker.join()
        assert not failures, failures
        crowd.tell("drain")
        drained = crowd.wait("drained", 90)

        # Every refresh has a number of its own, and there are no others; every change was made once.
        assert sorted(task["first_seq"] for task in tasks) == list(range(1, len(tasks) + 1))
        assert len({task["id"] for task in tasks}) == len(tasks)
        health = control.call("GET", "/healthz")
        assert health["purge_seq"] == len(tasks)
        assert health["config_seq"] == config_before + len(changes)
        for task in tasks[:: max(1, len(tasks) // 20)]:
            eventually(lambda: control.call("GET", f"/api/v1/tasks/{task['id']}")["state"] == "complete")
        # What the agents counted is stored, to the request.
        assert drained["stored_requests"] == drained["requests"] == requests_counted(control, begun)
        print(f"{len(tasks)} refreshes, {len(changes)} changes, {drained['batches']} batches of usage; "
              f"well again after {[round(t, 1) for t in recovered]} s")
        assert max(recovered) <= 15 and tasks and changes  # 5 s on a machine that does nothing else
    finally:
        stop.set()
        for worker in workers:
            worker.join()
        if crowd is not None:
            crowd.stop()
        if control is not None:
            control.stop()
        database.stop()
