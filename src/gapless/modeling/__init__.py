"""Modeling: causal language models in and out of Hugging Face folders.

folder.py   which files a model is, and what its config says, without loading weights
load.py     a model in memory: pre-trained, or new with random weights
save.py     a folder that `transformers` loads, written whole
adapt.py    a model made ready for a method against forgetting, and made plain again;
            lora.py, expansion.py, layers.py
merge.py    the average of several folders, tensor by tensor
"""

from gapless.modeling.adapt import adapt, check_fits, plain_state
from gapless.modeling.folder import ModelFacts, facts_of, weight_files
from gapless.modeling.load import hollow_model, hollow_new_model, load_model, new_model
from gapless.modeling.merge import merge_models
from gapless.modeling.save import save_config, save_model

__all__ = [
    "ModelFacts",
    "adapt",
    "check_fits",
    "facts_of",
    "hollow_model",
    "hollow_new_model",
    "load_model",
    "merge_models",
    "new_model",
    "plain_state",
    "save_config",
    "save_model",
    "weight_files",
]
