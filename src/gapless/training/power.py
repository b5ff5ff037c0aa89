"""The energy that a machine takes: from its own counters, or from watts that a person has given.

GAPLESS_WATTS            given watts times seconds (where it is set, counters are not asked)
a GPU's energy counter   NVML, part of NVIDIA's driver (Volta and later); of the card alone
RAPL                     the processor's packages and memory, by Linux's powercap; whoever else
                         works on the processor is in it
"""

import ctypes
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gapless.errors import RunError
from gapless.records.watched import JOULES, METERED, UNMETERED

WATTS = "GAPLESS_WATTS"
_POWERCAP = Path("/sys/class/powercap")
_INTERVAL = 1.0
"""Seconds between two readings while steps are short."""

Counter = Callable[[], float]
"""Joules since the last call."""


class Meter:
    """Reads a machine's energy, from its making on."""

    def __init__(self, counters: Sequence[Counter], told: str) -> None:
        """Begin with counters that were just made; without any, `told` is the reason."""
        self.told = told
        self._counters = counters
        self._last = time.perf_counter()

    @classmethod
    def of(cls, device: torch.device, *, cards: int = 1, machines: int = 1) -> "Meter":
        """Return what this machine can tell of itself.

        Args:
            device: on which the model is.
            cards: GPUs of this machine that work together.
            machines: that work together; the others are not counted.

        Raises:
            RunError: GAPLESS_WATTS is no number of watts.

        """
        watts = _given()
        if watts is not None:
            return cls([_clock(watts)], f"{watts:g} W, as {WATTS} says, times the seconds")
        counters, told = _cards(device, cards) if device.type == "cuda" else ([], "")
        processor, reason = _processor()
        if device.type == "cuda" and not counters:
            return cls([], f"{UNMETERED}{told}")
        if not counters and not processor:
            return cls([], f"{UNMETERED}{reason}")
        of = [told] * bool(counters) + ["the processor (RAPL)"] * bool(processor)
        others = f"; of the first of {machines} machines only" if machines > 1 else ""
        what = f"the counters of {' and '.join(of)}; nothing else of the machine{others}"
        return cls([*counters, *processor], what)

    def read(self) -> dict[str, float]:
        """Return the joules and the seconds since the last reading; nothing without a counter."""
        if not self._counters:
            return {}
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        try:
            joules = sum(counter() for counter in self._counters)
        except (OSError, ValueError):  # no reason to end a training: the sums tell what they cover
            self._counters = ()
            return {}
        return {JOULES: round(joules, 3), METERED: round(seconds, 6)}

    def read_at_times(self) -> dict[str, float]:
        """Return the same when the last reading is a second ago, else nothing."""
        is_due = self._counters and time.perf_counter() - self._last >= _INTERVAL
        return self.read() if is_due else {}


def _given() -> float | None:
    text = os.environ.get(WATTS, "").strip()
    if not text:
        return None
    try:
        watts = float(text)
    except ValueError:
        watts = 0.0
    if not 0 < watts < float("inf"):
        raise RunError(
            f"{text!r} is no number of watts",
            where=WATTS,
            mend="Give the machine's power as a number, such as 350, or take the variable away.",
        )
    return watts


def _clock(watts: float) -> Counter:
    return _rising(lambda: watts * time.perf_counter(), wraps_at=float("inf"))


def _rising(read: Callable[[], float], *, wraps_at: float) -> Counter:
    """Return what gives the growth of a counter that begins anew at a value."""
    last = read()

    def grown() -> float:
        nonlocal last
        before, last = last, read()
        return last - before + (wraps_at if last < before else 0.0)

    return grown


def _processor() -> tuple[list[Counter], str]:
    """Return a counter per package and memory, or the reason why there is none.

    A counter wraps after some hundred kilojoules: half an hour or more between two readings.
    """
    counters: list[Counter] = []
    reason = "this machine shows no power counters"
    for zone in sorted(_POWERCAP.glob("intel-rapl:*")):
        try:
            name = (zone / "name").read_text().strip()
            if not name.startswith(("package", "dram")):  # cores and such are parts of a package
                continue
            wraps_at = int((zone / "max_energy_range_uj").read_text()) / 1e6
            counters.append(_rising(partial(_zone_joules, zone), wraps_at=wraps_at))
        except PermissionError:
            reason = "this machine's power counters may not be read by this user"
        except (OSError, ValueError):
            continue
    return counters, reason


def _zone_joules(zone: Path) -> float:
    return int((zone / "energy_uj").read_text()) / 1e6


def _cards(device: torch.device, cards: int) -> tuple[list[Counter], str]:
    """Return a counter per GPU, and what they are called; or none, and the reason."""
    first = device.index if device.index is not None else torch.cuda.current_device()
    numbers = range(cards) if cards > 1 else [first]
    try:
        nvml = Nvml()
        counters = [
            _rising(nvml.energy_of(_uuid(number)), wraps_at=float("inf")) for number in numbers
        ]
    except (OSError, AttributeError) as error:
        return [], f"the GPU's energy counter cannot be read ({error})"
    return counters, "the GPU" if len(counters) == 1 else f"{len(counters)} GPUs"


def _uuid(number: int) -> str:
    return f"GPU-{torch.cuda.get_device_properties(number).uuid}"


class Nvml:
    """As much of NVIDIA's management library as is needed; it comes with the driver."""

    def __init__(self) -> None:
        """Open it.

        Raises:
            OSError: it is not there, or does not work.

        """
        self._library: Any = ctypes.CDLL("libnvidia-ml.so.1")
        self._ask("nvmlInit_v2")

    def energy_of(self, uuid: str) -> Callable[[], float]:
        """Return what tells the joules that a card took since its driver was loaded.

        Raises:
            OSError: there is no such card, as of one that is divided (MIG), or it does not tell.

        """
        handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
        self._ask("nvmlDeviceGetHandleByUUID", uuid.encode(), ctypes.byref(handle))

        def joules() -> float:
            self._ask("nvmlDeviceGetTotalEnergyConsumption", handle, ctypes.byref(millijoules))
            return millijoules.value / 1e3

        return joules

    def _ask(self, function: str, *arguments: Any) -> None:
        code = getattr(self._library, function)(*arguments)
        if code:
            raise OSError(f"{function} gives {code}")
