"""What a job of requests costs on our side: use of the limit, processor time, memory.

    python benchmarks/endpoints.py [--requests N] [--latency S] [--concurrency N] [--simulated N]

The first table: requests over HTTP to the scripted server, in a process of its own, which answers
each after the same latency. *In use* is the mean number of requests under way that the server saw,
of the limit, from the first request to the last answer. *Ours* is the processor time of this
process for each request, user and system, all threads: requests made, sent, read and committed
to disk.

The second table: memory that is resident after so many answers. Here the replies are made below
HTTP, by a stand-in for the connection, at once; the rest is as ever, the store on disk too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import orjson

from gapless.endpoints import Answers, Asked, Request, ask
from gapless.endpoints.behaviours import completion
from gapless.endpoints.job import ask_through
from gapless.endpoints.line import Raw
from gapless.recipe.endpoints import Endpoint

PROMPT = "Write a problem and its solution, inspired by this text. " + "word " * 400
ANSWER = "word " * 400
MARKS = (10_000, 100_000, 1_000_000)


def requests(number: int, prompt: str) -> Iterator[Request]:
    """Return so many requests, no two alike."""
    for index in range(number):
        yield Request((("user", f"{index}: {prompt}"),), "scripted")


@dataclass
class StandIn:
    """A connection to nowhere, whose replies are there at once."""

    reply: Raw

    async def post(self, _content: bytes) -> Raw:
        """Return the reply after the others have had their turn."""
        await asyncio.sleep(0)
        return self.reply

    async def close(self) -> None:
        """Do nothing."""


def resident_mb() -> float:
    """Return the memory of this process that is resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def over_http(options: argparse.Namespace, folder: Path) -> list[str]:
    """Return the rows of the first table."""
    command = [sys.executable, "-m", "gapless.endpoints.scripted", "--text", ANSWER]
    command += ["--latency", str(options.latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        url = server.stdout.readline().strip() if server.stdout else ""
        endpoint = Endpoint(url=url, model="scripted", concurrency=options.concurrency)
        with Answers(folder / "http.answers") as answers:
            begun = time.process_time()
            done = ask(requests(options.requests, PROMPT), endpoint, answers)
            spent = time.process_time() - begun
        seen = httpx2.get(f"{url.removesuffix('/v1')}/scripted").json()
        server.terminate()
    if not done.asked == done.tries == options.requests:
        raise SystemExit(f"some requests were not answered at once: {done}")
    use = seen["mean"] / options.concurrency
    ours = spent / done.asked * 1e3
    numbers = f"{use:.1%} | {ours:.2f} | {done.asked / done.seconds:.0f}"
    return [
        "| requests | latency | limit | in use | ours, ms/request | requests/s |",
        "| --- | --- | --- | --- | --- | --- |",
        f"| {done.asked} | {options.latency} s | {options.concurrency} | {numbers} |",
    ]


def simulated(options: argparse.Namespace, folder: Path) -> list[str]:
    """Return the rows of the second table."""
    endpoint = Endpoint(model="scripted", concurrency=options.concurrency)
    reply = Raw(200, {}, orjson.dumps(completion("short")))
    rows = ["| answers | resident, MB | ours, ms/request |", "| --- | --- | --- |"]
    marks = [mark for mark in MARKS if mark < options.simulated] + [options.simulated]
    begun = time.process_time()

    def told(so_far: Asked) -> None:
        while marks and so_far.asked >= marks[0]:
            spent = (time.process_time() - begun) / so_far.asked * 1e3
            rows.append(f"| {marks.pop(0)} | {resident_mb():.1f} | {spent:.2f} |")

    with Answers(folder / "simulated.answers") as answers:
        ask_through(
            lambda: StandIn(reply),
            requests(options.simulated, "short"),
            endpoint,
            answers,
            where="endpoint",
            told=told,
        )
        if len(answers) != options.simulated:
            raise SystemExit(f"{len(answers)} answers in the store")
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=6400)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--simulated", type=int, default=1_000_000)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, ",
        end="",
    )
    print(f"load {load:.1f} before\n")
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(over_http(options, Path(folder))), flush=True)
        print()
        print("\n".join(simulated(options, Path(folder))))
    print(f"\nload {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
