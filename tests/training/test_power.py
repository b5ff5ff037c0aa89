"""Energy from made-up counters: the processor's files, the driver's library, given watts."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gapless.errors import RunError
from gapless.packing import PackedRows
from gapless.records.journal import Journal
from gapless.training import power
from gapless.training.compute import Compute
from gapless.training.power import Meter
from gapless.training.speed import Speed
from tests.training.test_speed import rows
from tests.training.world import tiny_model

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
NONE = "not measured: this machine shows no power counters"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clock:
    """A machine without counters, and a clock."""
    made = Clock()
    monkeypatch.setattr(power, "time", SimpleNamespace(perf_counter=made))
    monkeypatch.setattr(power, "_POWERCAP", tmp_path / "powercap")
    monkeypatch.delenv("GAPLESS_WATTS", raising=False)
    return made


def zone(folder: Path, name: str, microjoules: int, *, wraps_at: int = 1_000_000_000) -> Path:
    """One zone of powercap."""
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{wraps_at}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder / "energy_uj"


def test_a_machine_without_counters_says_so_and_gives_no_number(clock: Clock) -> None:
    meter = Meter.of(CPU)
    clock.now += 10
    assert meter.told == NONE
    assert meter.read() == meter.read_at_times() == {}


def test_packages_and_memory_are_summed_and_their_parts_are_not(
    tmp_path: Path, clock: Clock
) -> None:
    powercap = tmp_path / "powercap"
    first = zone(powercap / "intel-rapl:0", "package-0", 5_000_000)
    memory = zone(powercap / "intel-rapl:0:1", "dram", 1_000_000)
    core = zone(powercap / "intel-rapl:0:0", "core", 0)
    platform = zone(powercap / "intel-rapl:1", "psys", 0)
    twin = zone(powercap / "intel-rapl-mmio:0", "package-0", 0)
    meter = Meter.of(CPU)
    assert meter.told == "the counters of the processor (RAPL); nothing else of the machine"
    for counter in (core, platform, twin):
        counter.write_text("900000000")
    first.write_text("7500000")
    memory.write_text("1250000")
    clock.now += 4
    assert meter.read() == {"joules": 2.75, "metered_seconds": 4.0}
    assert meter.read() == {"joules": 0.0, "metered_seconds": 0.0}


def test_a_counter_that_begins_anew_loses_nothing(tmp_path: Path) -> None:
    counter = zone(tmp_path / "powercap/intel-rapl:0", "package-0", 9_000_000, wraps_at=10_000_000)
    meter = Meter.of(CPU)
    counter.write_text("2000000")
    assert meter.read()["joules"] == 3.0


def test_a_counter_that_may_not_be_read_has_a_reason_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path / "powercap/intel-rapl:0", "package-0", 1)

    def refused(_: Path) -> float:
        raise PermissionError

    monkeypatch.setattr(power, "_zone_joules", refused)
    assert Meter.of(CPU).told == (
        "not measured: this machine's power counters may not be read by this user"
    )


def test_a_counter_that_goes_away_ends_the_metering_and_nothing_else(tmp_path: Path) -> None:
    counter = zone(tmp_path / "powercap/intel-rapl:0", "package-0", 1_000_000)
    meter = Meter.of(CPU)
    counter.write_text("2000000")
    assert meter.read()["joules"] == 1.0
    counter.unlink()
    assert meter.read() == {}
    counter.write_text("3000000")
    assert meter.read() == {}, "what was missed in between is not known"


class FakeLibrary:
    """As much of the driver's library as is asked for: one card that takes 2 kJ."""

    def __init__(self, *, fails: str = "") -> None:
        self.joules, self.fails = 7_000, fails

    def nvmlInit_v2(self) -> int:  # noqa: N802 - the driver's name
        return 9 * (self.fails == "init")

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, _: object) -> int:  # noqa: N802
        assert uuid.startswith(b"GPU-card-")
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, _: object, place: object) -> int:  # noqa: N802
        place._obj.value = self.joules * 1000  # type: ignore[attr-defined]  # what byref holds
        return 3 * (self.fails == "energy")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeLibrary], FakeLibrary]:
    """Put a library where the driver's would be."""

    def put(library: FakeLibrary) -> FakeLibrary:
        monkeypatch.setattr(power.ctypes, "CDLL", lambda _: library)
        monkeypatch.setattr(
            torch.cuda, "get_device_properties", lambda n: SimpleNamespace(uuid=f"card-{n}")
        )
        return library

    return put


def test_a_gpu_s_own_counter_is_read(
    card: Callable[[FakeLibrary], FakeLibrary], clock: Clock
) -> None:
    library = card(FakeLibrary())
    meter = Meter.of(GPU)
    assert meter.told == "the counters of the GPU; nothing else of the machine"
    library.joules += 2_000
    clock.now += 5
    assert meter.read() == {"joules": 2000.0, "metered_seconds": 5.0}


def test_several_cards_are_summed_and_other_machines_are_said_to_be_missing(
    card: Callable[[FakeLibrary], FakeLibrary], tmp_path: Path
) -> None:
    library = card(FakeLibrary())
    zone(tmp_path / "powercap/intel-rapl:0", "package-0", 1)
    meter = Meter.of(GPU, cards=4, machines=2)
    assert meter.told == (
        "the counters of 4 GPUs and the processor (RAPL); nothing else of the machine; "
        "of the first of 2 machines only"
    )
    library.joules += 10
    assert meter.read()["joules"] == 40.0


@pytest.mark.parametrize("fails", ["init", "energy"])
def test_a_card_that_does_not_tell_gives_no_number_whatever_the_processor_says(
    card: Callable[[FakeLibrary], FakeLibrary], tmp_path: Path, fails: str
) -> None:
    card(FakeLibrary(fails=fails))
    zone(tmp_path / "powercap/intel-rapl:0", "package-0", 1)
    meter = Meter.of(GPU)
    assert meter.told.startswith("not measured: the GPU's energy counter cannot be read")
    assert meter.read() == {}


def test_given_watts_are_used_and_counters_are_not_asked(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone(tmp_path / "powercap/intel-rapl:0", "package-0", 1)
    monkeypatch.setenv("GAPLESS_WATTS", "250")
    meter = Meter.of(CPU)
    assert meter.told == "250 W, as GAPLESS_WATTS says, times the seconds"
    clock.now += 0.5
    assert meter.read_at_times() == {}, "a second has not passed"
    clock.now += 1.5
    assert meter.read_at_times() == {"joules": 500.0, "metered_seconds": 2.0}


@pytest.mark.parametrize("text", ["a lot", "-3", "0", "nan", "inf"])
def test_watts_that_are_none_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAPLESS_WATTS", text)
    with pytest.raises(RunError, match="no number of watts"):
        Meter.of(CPU)


def test_the_journal_has_all_energy_once(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAPLESS_WATTS", "100")
    monkeypatch.setattr("gapless.training.speed.matrix_rate", lambda *_, **__: 1e6)
    journal = Journal(tmp_path / "speed.jsonl")
    speed = Speed(journal, tiny_model(), Compute.choose("cpu", "fp32"), processes=1, tokens_seen=0)
    packed: PackedRows = rows(32)
    for step in range(1, 5):
        clock.now += 0.4
        speed.step(32 * step, packed, seconds=0.4)
    with speed.spent("measuring", 128):
        clock.now += 3
    first, *others = journal.rows()
    assert first["power"] == "100 W, as GAPLESS_WATTS says, times the seconds"
    told = [(row.get("joules"), row.get("metered_seconds")) for row in others]
    assert told == [(None, None)] * 2 + [(120.0, 1.2), (None, None), (340.0, 3.4)]


@pytest.mark.gpu
def test_a_real_card_takes_energy_while_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    meter = Meter.of(torch.device("cuda"))
    if meter.told.startswith("not measured"):
        pytest.skip(meter.told)
    left = torch.rand(8192, 8192, device="cuda")
    for _ in range(200):
        left = (left @ left) / 8192
    torch.cuda.synchronize()
    found = meter.read()
    watts = found["joules"] / found["metered_seconds"]
    assert 20 < watts < 2000
