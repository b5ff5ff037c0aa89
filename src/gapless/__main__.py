"""``python -m gapless``, and so ``torchrun -m gapless``: the command line."""

from gapless.cli.main import run

run()
