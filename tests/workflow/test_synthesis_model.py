"""A real language model on a real server writes from real text; it is small, and writes badly."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from gapless import assets
from gapless.endpoints import Answers
from gapless.workflow import verbs
from tests.workflow.world import make_world

ROOT = Path(__file__).parents[2]

SYNTHESIS = """
synthesis:
  science:
    endpoint: {url: URL, model: smollm2-135m-instruct, concurrency: 2}
    form:
      type: science_qa
      disciplines: [biology, medicine]
      seeds: {sources: [passages], min_characters: 200, max_characters: 500}
    requests: 2
    sampling: {max_tokens: 120}
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if assets.locate("smollm2-135m-gguf") is None and not os.environ.get("CI"):
        pytest.skip("needs: gapless assets fetch smollm2-135m-gguf")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # One thread: two wait for each other in loops, and beside other work that takes minutes.
    options = ["--port", str(port), "--slots", "2", "--threads", "1"]
    command = [sys.executable, str(ROOT / "examples/serve_small_model.py"), *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/v1/models", server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail("the server did not come up")


def test_a_real_model_answers_and_every_answer_is_a_document_or_has_a_reason(
    address: str, tmp_path: Path
) -> None:
    recipe = make_world(tmp_path)
    source = "  passages: {role: reference, path: 'asset:encyclopedia-small', id: id}\n"
    tree = recipe.read_text().replace("order:\n  context", f"{source}order:\n  context", 1)
    recipe.write_text(tree + textwrap.dedent(SYNTHESIS).replace("URL", address))

    (done,) = verbs.synthesize(recipe)

    assert done.requests == 2
    assert done.documents + sum(count for _, count in done.rejected) == 2
    assert done.tokens > 200
    with Answers(tmp_path / "runs" / "answers.sqlite", read_only=True) as answers:
        assert len(answers) == 2
    assert done.folder is not None
    told = (done.folder / "documents.jsonl").read_text() + (
        done.folder / "rejected.jsonl"
    ).read_text()
    assert len(told.split()) > 40  # words of the model's own
