"""What was fitted to a sweep's trials and proposed by it, kept in the sweep's folder.

Both are of the trials as they were: when `trials.jsonl` has changed since, they count no more.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gapless.records.artifact import write_text
from gapless.records.fingerprint import FileHashes
from gapless.records.sweep_views import FittedLaw, ProposedSettings
from gapless.workflow.sweep_results import TRIALS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gapless.workflow.run_folder import RunFolder

LAWS_FILE, PROPOSAL_FILE = "laws.json", "proposal.json"


def save_laws(fitted: Sequence[FittedLaw], folder: RunFolder) -> None:
    """Keep what laws came to, beside other laws of the same trials."""
    laws = {**_read(folder, LAWS_FILE), **{law.law: [] for law in fitted}}
    for law in fitted:
        laws[law.law].append(asdict(law))
    _write(folder, LAWS_FILE, laws)


def saved_laws(folder: RunFolder) -> list[FittedLaw]:
    """Return the laws that were fitted to the trials as they are."""
    return [FittedLaw(**_tuples(row)) for rows in _read(folder, LAWS_FILE).values() for row in rows]


def save_proposal(found: ProposedSettings, folder: RunFolder) -> None:
    """Keep the last proposal; where its recipe was written is nobody else's business."""
    _write(folder, PROPOSAL_FILE, asdict(found) | {"file": None})


def saved_proposal(folder: RunFolder) -> ProposedSettings | None:
    """Return the last proposal made by the trials as they are."""
    row = _read(folder, PROPOSAL_FILE)
    return ProposedSettings(**_tuples(row)) if row else None


def is_out_of_date(folder: RunFolder) -> bool:
    """Whether something was kept that is of other trials."""
    kept = [folder.path / name for name in (LAWS_FILE, PROPOSAL_FILE)]
    return any(
        json.loads(place.read_text())["trials"] != _trials(folder)
        for place in kept
        if place.is_file()
    )


def _read(folder: RunFolder, name: str) -> dict[str, Any]:
    place = folder.path / name
    if not place.is_file():
        return {}
    kept = json.loads(place.read_text())
    found: dict[str, Any] = kept["found"] if kept["trials"] == _trials(folder) else {}
    return found


def _write(folder: RunFolder, name: str, found: Mapping[str, Any]) -> None:
    kept = {"trials": _trials(folder), "found": found}
    write_text(folder.path / name, json.dumps(kept, indent=1))


def _trials(folder: RunFolder) -> str:
    return FileHashes().of_file(folder.path / TRIALS_FILE)


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
