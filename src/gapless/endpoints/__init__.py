"""Endpoints: chat models on servers, asked once for each request and never paid twice.

    Request --ask--> server --> Answer --> Answers, the store: on disk before it counts
            --write_requests--> a file of OpenAI's batches --read_responses--> Answers

    client.py  job.py     a job; drawing.py, gate.py, formats.py are its parts
    line.py               HTTP, the address and the key
    replies.py            what a reply means; mistakes.py: what is said when the job stops
    limits.py waiting.py  arithmetic of rates and pauses
    scripted.py           a server for tests that misbehaves as it is told, ours and yours

What a server may do and what becomes of it: docs/endpoints.md.
"""

from gapless.endpoints.batch import Read, read_responses, write_requests
from gapless.endpoints.client import ask, check_endpoint
from gapless.endpoints.job import Asked
from gapless.endpoints.request import Answer, Finish, Request, Sampling
from gapless.endpoints.store import Answers

__all__ = [
    "Answer",
    "Answers",
    "Asked",
    "Finish",
    "Read",
    "Request",
    "Sampling",
    "ask",
    "check_endpoint",
    "read_responses",
    "write_requests",
]
