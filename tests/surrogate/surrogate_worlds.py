"""Trials that laws are recovered from: made by a law, with noise, and published ones."""

from itertools import product

import numpy as np

from gapless.seeds import stream
from gapless.surrogate.trials import Outcome, Trial, Trials


def trial(settings, seed=0, domain=("law",), **outcomes):
    return Trial(
        settings=settings,
        outcomes={name: Outcome(value=float(value)) for name, value in outcomes.items()},
        seed=seed,
        domain=domain,
    )


def noise(world, count, deviation):
    return stream(0, "test", world).normal(0, deviation, count)


def mixtures(num_settings=24, *, num_seeds=1, deviation=0.004):
    """Shares of three sources; a domain loss and a general loss by the mixing law."""
    shares = stream(0, "test", "shares").dirichlet([1.0, 1.0, 1.0], size=num_settings)
    errors = noise("mixtures", 2 * num_settings * num_seeds, deviation).reshape(2, -1)
    rows = []
    for place, (r, seed) in enumerate(product(shares, range(num_seeds))):
        rows.append(
            trial(
                {"share/law": float(r[0]), "share/web": float(r[1]), "share/wiki": float(r[2])},
                seed,
                domain_loss=domain_loss(r[0], r[1]) + errors[0, place],
                general_loss=general_loss(r[0], r[1]) + errors[1, place],
            )
        )
    return Trials(tuple(rows))


def domain_loss(law, web):
    return 2 + 0.8 * np.exp(-3 * law - 0.5 * web)


def general_loss(law, web):
    return 3 + 0.4 * np.exp(1.6 * law - 0.6 * web)


def shares_and_tokens(
    loss, *, deviation, world, sizes=(None,), shares=(0.05, 0.2, 0.4, 0.6, 0.8, 1)
):
    """A grid of two sources' shares, tokens and parameters; ``loss(r, tokens, parameters)``."""
    cells = list(product(shares, (1e8, 3e8, 1e9, 3e9), sizes))
    errors = noise(world, len(cells), deviation)
    rows = []
    for (r, tokens, parameters), error in zip(cells, errors, strict=True):
        settings = {"share/law": r, "share/web": 1 - r, "tokens": tokens}
        settings |= {} if parameters is None else {"parameters": parameters}
        rows.append(trial(settings, loss=loss(r, tokens, parameters) + error))
    return Trials(tuple(rows))


GITHUB = {
    0.25: (1.6208, 1.5142, 1.4690, 1.4443),
    0.375: (1.5498, 1.4647, 1.4164, 1.3860),
    0.5: (1.4789, 1.3968, 1.3486, 1.3278),
    0.625: (1.4469, 1.3648, 1.3170, 1.2936),
    0.75: (1.4111, 1.3260, 1.2785, 1.2568),
}
"""Share of Github to its validation loss; the rest was Pile-CC (Ye et al. 2024, published with the
paper: two domains, 70M parameters), at `STEPS` steps of one run each."""
PILE_CC = {
    0.25: (3.6703, 3.5703, 3.5240, 3.4987),
    0.375: (3.7020, 3.6113, 3.5592, 3.5316),
    0.5: (3.7397, 3.6435, 3.5920, 3.5670),
    0.625: (3.8014, 3.7157, 3.6530, 3.6269),
    0.75: (3.8885, 3.7898, 3.7318, 3.7033),
}
"""The same runs' loss on Pile-CC."""
STEPS = (10_000, 16_000, 22_000, 30_000)

CONTINUED = {0.875: 3.6616, 0.75: 3.6152, 0.625: 3.5896, 0.5: 3.5711}
"""Share of Python code to the loss on Pile-CC after 10,000 steps of continual pre-training of
Pythia-70M (same source); the rest was the Pile. `BEFORE`: the loss of the base model."""
BEFORE = 3.6029


def published(*, steps=STEPS):
    return Trials(
        tuple(
            trial(
                {"share/code": share, "share/web": 1 - share, "tokens": float(step)},
                domain=("code",),
                code_loss=GITHUB[share][STEPS.index(step)],
                web_loss=PILE_CC[share][STEPS.index(step)],
            )
            for share in GITHUB
            for step in steps
        )
    )


def continued():
    return Trials(
        tuple(
            trial({"domain_share": share}, domain=(), loss=loss)
            for share, loss in CONTINUED.items()
        )
    )
