"""What this machine is and how fast it multiplies."""

import os
import platform
from importlib.metadata import version

_UTILISATION = 0.3
"""Part of the matrix rate that training is taken to reach: an assumption, not yet measured."""
_PACKAGES = ("gapless", "torch", "transformers", "daft", "numpy")


def environment(compute: str) -> dict[str, str]:
    """Return what the results may depend on, in words."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "machine": f"{platform.machine()}, {processor()}, {os.cpu_count()} cores",
        "compute": compute,
    }


def processor() -> str:
    """Return the processor's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - no path of a user's
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def memory_bytes() -> int:
    """Return how much memory the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def training_flops_per_second(*, device: str, bf16: bool) -> float:
    """Estimate how many floating-point operations a second training does here.

    Times a few matrix products (about a second) and takes the part of it that training reaches.
    """
    from gapless.training.speed import matrix_rate

    return matrix_rate(device, bf16=bf16) * _UTILISATION
