"""A job that is killed goes on where it was: what was answered and kept is not asked again."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gapless.endpoints import Answers, Request, ask
from gapless.endpoints.behaviours import Behaviour
from gapless.endpoints.scripted import Reply, ScriptedServer, Silence
from gapless.recipe.endpoints import Endpoint

CONCURRENCY, NUMBER = 8, 150
JOB = f"""
import sys
from pathlib import Path
from gapless.endpoints import Answers, Request, ask
from gapless.recipe.endpoints import Endpoint

requests = [Request((("user", f"question {{n}}"),), "m") for n in range({NUMBER})]
endpoint = Endpoint(url=sys.argv[1], model="m", concurrency={CONCURRENCY})
with Answers(Path(sys.argv[2])) as answers:
    print(ask(requests, endpoint, answers).asked)
"""
At = Callable[..., Endpoint]
Some = Callable[..., list[Request]]


def job(server: ScriptedServer, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", JOB, server.url, str(path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def question(body: Mapping[str, Any]) -> str:
    return body["messages"][0]["content"]


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about within 30 s")


def test_each_request_is_answered_once_though_the_job_was_killed(tmp_path: Path) -> None:
    answered: Counter[str] = Counter()
    silent = True

    def script(body: Mapping[str, Any]) -> Behaviour:
        if silent and len(answered) >= 60:
            return Silence()
        answered[question(body)] += 1
        return Reply()

    path = tmp_path / "answers"
    with ScriptedServer(script, latency=0.005) as server, Answers(path) as answers:
        process = job(server, path)
        wait_until(lambda: len(answers) == 60 and server.num_calls == 60 + CONCURRENCY)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL
        silent = False
        out, _ = job(server, path).communicate(timeout=60)
        assert int(out) == NUMBER - 60
        assert len(answers) == NUMBER
    assert answered == {f"question {n}": 1 for n in range(NUMBER)}


def test_a_kill_at_any_time_costs_at_most_what_was_on_its_way(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    with ScriptedServer(latency=0.02) as server:
        process = job(server, path)
        wait_until(lambda: server.num_calls >= 77)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        out, _ = job(server, path).communicate(timeout=60)
        calls = Counter(question(call.body) for call in server.calls)
    assert int(out) < NUMBER
    assert set(calls) == {f"question {n}" for n in range(NUMBER)}
    assert max(calls.values()) <= 2
    assert sum(count - 1 for count in calls.values()) <= 2 * CONCURRENCY


def test_what_has_come_is_kept_when_a_user_interrupts(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    with ScriptedServer(latency=0.02) as server:
        process = job(server, path)
        wait_until(lambda: server.num_calls >= 50)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert "KeyboardInterrupt" in err
        with Answers(path) as answers:
            assert len(answers) >= server.num_calls - CONCURRENCY


def test_two_jobs_may_share_a_store(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    with ScriptedServer(latency=0.01) as server:
        jobs = [job(server, path) for _ in range(2)]
        ends = [process.communicate(timeout=60) for process in jobs]
    assert [process.returncode for process in jobs] == [0, 0], ends
    with Answers(path) as answers:
        assert answers.counts() == {"stop": NUMBER}


def test_nothing_is_left_of_a_job(at: At, some: Some, answers: Answers) -> None:
    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    with ScriptedServer() as server:
        ask(some(1), at(server), answers)
        before = held()
        for number in range(2, 6):
            ask(some(number * 20), at(server), answers)
        wait_until(lambda: held() <= before)
