"""When a run is measured: densely at first, where the stability gap opens, then evenly."""


def probe_steps(total_steps: int, first_steps: int, every_steps: int) -> list[int]:
    """Return the steps to measure after, in order. Step 0, the base, always is, and is not listed.

    The first is ``first_steps``; the distance to the next one then doubles until it reaches
    ``every_steps`` and stays there. The last step of the run is always measured.
    """
    if first_steps < 1 or every_steps < 1:
        raise ValueError(f"distances of {first_steps} and {every_steps} steps; both are at least 1")
    steps: list[int] = []
    step, distance = first_steps, first_steps
    while step < total_steps:
        steps.append(step)
        distance = min(2 * distance, every_steps)
        step += distance
    if total_steps > 0:
        steps.append(total_steps)
    return steps
