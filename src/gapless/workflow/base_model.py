"""The model that every arm starts from."""

from functools import cache
from pathlib import Path
from typing import Any

from gapless.errors import AssetError, ModelError
from gapless.recipe import Recipe
from gapless.recipe.schema import AssumedModel, NewModel, PretrainedModel
from gapless.records.fingerprint import FileHashes
from gapless.workflow.stage import NOT_THERE, Workplace, locate

BASE = "base"


class BaseModel:
    """The model that every arm starts from."""

    def __init__(self, recipe: Recipe, *, recipe_dir: Path, assumes: bool = False) -> None:
        model = recipe.model
        self._seed, self._recipe_dir = recipe.seed, recipe_dir
        self._spec = model
        self._folder: Path | None = None
        self.assumed: AssumedModel | None = None
        """What the model is taken to be, with ``assumes``, while its folder is not there."""
        self.has_tokenizer = True
        """False only where the model is assumed, and no tokenizer is there either."""
        tokenizer = model.tokenizer
        if isinstance(model, PretrainedModel):
            tokenizer = tokenizer or model.path
            if assumes and model.assumed is not None and not _is_there(model.path, recipe_dir):
                self.assumed = model.assumed
                self.has_tokenizer = _is_there(tokenizer, recipe_dir)
            else:
                self._folder = locate(model.path, recipe_dir)
        assert tokenizer is not None
        self.tokenizer_dir = locate(tokenizer, recipe_dir) if self.has_tokenizer else recipe_dir

    @property
    def recipe_dir(self) -> Path:
        """Where the recipe's paths begin."""
        return self._recipe_dir

    def content(self, hashes: FileHashes) -> dict[str, str]:
        """Return the fingerprints of the files that the model is made of."""
        from gapless.modeling import weight_files
        from gapless.tokenization import files

        found = {"tokenizer": NOT_THERE}
        if self.has_tokenizer:
            found["tokenizer"] = hashes.of_files(files(self.tokenizer_dir))
        if self.assumed is not None:
            found["model"] = NOT_THERE
        if self._folder is not None:
            found["model"] = hashes.of_files(weight_files(self._folder))
        return found

    def part(self) -> dict[str, Any]:
        """Return what the recipe says of the model, places left out."""
        if isinstance(self._spec, NewModel):
            spec = self._spec.model_dump(mode="json", exclude={"tokenizer"})
            return {**spec, "seed": self._seed}
        return {"type": self._spec.type}

    def tokenizer(self) -> Any:
        """Load the tokenizer."""
        from gapless.tokenization import load_tokenizer

        return load_tokenizer(self.tokenizer_dir)

    def load(self) -> Any:
        """Load the model, with a tokenizer that fits it and a context that it can take."""
        from gapless.modeling import load_model, new_model
        from gapless.tokenization import check_matches

        tokenizer = self.tokenizer()
        if isinstance(self._spec, NewModel):
            return new_model(
                self._spec.architecture,
                self._spec.config,
                vocabulary_size=len(tokenizer),
                seed=self._seed,
            )
        assert self._folder is not None
        model = load_model(self._folder)
        check_matches(tokenizer, model.get_input_embeddings().num_embeddings)
        return model

    @cache  # noqa: B019 - lives as long as the command
    def hollow(self) -> Any:
        """Return the model without its weights, on the meta device."""
        from gapless.modeling import hollow_model, hollow_new_model

        if self.assumed is not None:
            return hollow_new_model(*_settings(self.assumed))
        if isinstance(self._spec, NewModel):
            vocabulary = len(self.tokenizer())
            return hollow_new_model(self._spec.architecture, self._spec.config, vocabulary)
        assert self._folder is not None
        return hollow_model(self._folder)

    def to_score_with(self, model: str, place: Workplace) -> tuple[Path, Path, dict[str, str]]:
        """Return the folders of a scoring model and of its tokenizer, and their fingerprints.

        ``base`` is the model that is to learn; anything else is a folder or ``asset:NAME``.
        """
        from gapless.modeling import weight_files
        from gapless.tokenization import files

        folder, tokenizer = self._folder, self.tokenizer_dir
        if model == BASE and self.assumed is not None:
            return tokenizer, tokenizer, self.content(place.hashes)
        if model != BASE:
            folder = tokenizer = locate(model, place.recipe_dir)
        assert folder is not None, "checks.py refuses to score with a model that is not trained"
        return (
            folder,
            tokenizer,
            {
                "model": place.hashes.of_files(weight_files(folder)),
                "tokenizer": place.hashes.of_files(files(tokenizer)),
            },
        )

    def facts_to_score_with(self, model: str) -> Any:
        """Return the sizes of a scoring model."""
        from gapless.modeling import facts_of

        return self.facts() if model == BASE else facts_of(locate(model, self._recipe_dir))

    def weight_files(self) -> list[Path]:
        """Return the safetensors files of the base; none for a model that is new."""
        from gapless.modeling import weight_files

        return [] if self._folder is None else weight_files(self._folder)[1:]

    def stored_dtype(self) -> Any:
        """Return the type that the base's weights are stored in; the adapted model keeps it."""
        import torch
        from transformers import AutoConfig

        if self._folder is None:
            return torch.float32
        config = AutoConfig.from_pretrained(
            self._folder, local_files_only=True, trust_remote_code=False
        )
        return config.dtype or torch.float32

    @cache  # noqa: B019 - lives as long as the command
    def facts(self) -> Any:
        """Return the model's sizes without loading its weights."""
        from gapless.modeling import facts_of
        from gapless.modeling.folder import facts_of_config

        if self.assumed is not None:
            return facts_of_config(*_settings(self.assumed))
        if isinstance(self._spec, NewModel):
            vocabulary = len(self.tokenizer())
            return facts_of_config(self._spec.architecture, self._spec.config, vocabulary)
        assert self._folder is not None
        return facts_of(self._folder)


def _is_there(path: str, recipe_dir: Path) -> bool:
    try:
        return locate(path, recipe_dir).exists()
    except AssetError:
        return False


def _settings(assumed: AssumedModel) -> tuple[str, dict[str, Any], int]:
    """Return architecture, config and vocabulary size, as those of a new model are given."""
    config = {key: value for key, value in assumed.config.items() if key != "vocab_size"}
    return assumed.architecture, config, assumed.config["vocab_size"]


def check_context(longest: int | None, context: int) -> None:
    """Refuse rows that are longer than the model takes."""
    if longest is not None and context > longest:
        raise ModelError(
            f"order.context is {context:,} tokens and the model takes at most {longest:,}",
            where="order.context",
            mend=f"Set order.context to {longest} or less.",
        )
