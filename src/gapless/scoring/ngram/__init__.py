"""Word n-grams: how likely a document is under a model of a reference corpus.

    reference --train--> folder of model.arpa (and model.binary) --NgramScorer--> perplexities

`trainer.py` uses KenLM's trainer (`lmplz.py`) where the machine has it, else our own: `word_ids.py`
turns texts into numbers, `kneser_ney.py` counts and smooths them in DuckDB, which spills to disk,
and `arpa.py` writes the model. Both ways give the same model. `score.py` reads it with KenLM.

A text is one normalised document: words with single spaces between them (`gapless.words`).
"""

from gapless.scoring.ngram.score import NgramScorer
from gapless.scoring.ngram.trainer import train

__all__ = ["NgramScorer", "train"]
