"""Modeling: causal language models in and out of Hugging Face folders.

folder.py   which files a model is, and what its config says, without loading weights
load.py     a model in memory: pre-trained, or new with random weights
save.py     a folder that `transformers` loads, written whole
"""

from gapless.modeling.folder import ModelFacts, facts_of, weight_files
from gapless.modeling.load import load_model, new_model
from gapless.modeling.save import save_model

__all__ = ["ModelFacts", "facts_of", "load_model", "new_model", "save_model", "weight_files"]
