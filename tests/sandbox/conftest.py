"""A sandbox where one works here; elsewhere the tests that need one say why they were skipped."""

import struct
from dataclasses import replace

import pytest

from gapless.sandbox import Limits, Sandbox, SandboxError


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    try:
        return Sandbox.choose()
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def unfiltered(sandbox: Sandbox) -> Sandbox:
    """The same without the filter of system calls: what do the other walls hold alone?"""
    allow_all = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
    return replace(sandbox, call_filter=allow_all)


@pytest.fixture(scope="session")
def brief() -> Limits:
    """Limits under which a program that never ends is soon at its end."""
    return Limits(seconds=3, cpu_seconds=1, memory_bytes=256 << 20, file_bytes=1 << 20)
