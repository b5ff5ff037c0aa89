"""Configs of LLaMA-Factory: ``llamafactory-cli train CONFIG``, stages ``pt`` and ``sft``.

The keys are those of its ``hparams`` (model, data, finetuning arguments) and of the trainer.
"""

import json
import math
from pathlib import Path
from typing import Any

from gapless.errors import RecipeError
from gapless.interchange.foreign import Config, Draft
from gapless.interchange.llama_factory_text import draft_mixture, draft_sources
from gapless.interchange.text_places import (
    Places,
    draft_advice,
    draft_held_out,
    draft_model,
    draft_name,
)
from gapless.interchange.trainer_keys import Names, draft_precision, draft_training

_NAMES = Names(
    context=("cutoff_len", 2048),
    micro=("per_device_train_batch_size", 8),
    epochs=("num_train_epochs", 3.0),
    scheduler=("lr_scheduler_type", "linear"),
    optimizer="optim",
    warmup=0.0,
)
_UNCARRIED = {
    "conversations go by the tokenizer's own template; `chat: {template: ...}` names another": (
        *("template", "default_system", "tool_format", "enable_thinking", "replace_text"),
    ),
    "every answer of a conversation is learned": ("mask_history",),
    "probes measure held-out text; other text: a source with `held_out: 1.0`": ("eval_dataset",),
    "selections are by tokens: selection: {NAME: {type: random, tokens: 5M}}": ("max_samples",),
    "weights are not quantised here; adapters are learned beside whole ones": (
        *("quantization_bit", "quantization_method", "double_quantization", "quantization_type"),
    ),
    "adapters begin at zero, at one rate": (
        *("loraplus_lr_ratio", "pissa_init", "adapter_name_or_path", "create_new_adapter"),
    ),
    "a model's embeddings stay as long as they are": ("resize_vocab", "add_tokens", "rope_scaling"),
    "modules apart from the adapters stay as they are": ("additional_target",),
    "gapless trains with AdamW": ("use_galore", "use_apollo", "use_badam", "use_muon"),
    "no other loss than cross-entropy": ("use_dft_loss", "use_asft_loss", "use_eaft_loss"),
    "text alone": ("media_dir", "image_max_pixels", "video_max_pixels", "freeze_vision_tower"),
}
_FAMILIES = {
    **dict.fromkeys(("galore_", "apollo_", "badam_"), "gapless trains with AdamW"),
    "swanlab_": "of trackers, gapless knows wandb, tensorboard, trackio and mlflow (logging)",
    "pissa_": "adapters begin at zero",
    "oft_": "no such method here",
}
_OF_NO_MATTER = {
    "documents never see one another in a row (attention and positions)": ("neat_packing",),
    "a fast tokenizer is always taken": ("use_fast_tokenizer",),
    "tokens of no learning cost nothing to leave out": ("ignore_pad_token_for_loss",),
}


def draft_llama_factory(config: Config, places: Places, *, devices: int) -> Draft:
    """Return the draft of a recipe; what it cannot have is left out of ``config``.

    Raises:
        RecipeError: the config is of a stage that is no language modeling.

    """
    stage = str(config.take("stage", "sft"))
    if stage not in {"pt", "sft"}:
        raise RecipeError(
            f"stage {stage!r} learns from preferences; gapless learns from text and answers",
            where="stage",
            mend="Import a config of stage pt or sft.",
        )
    draft = Draft()
    draft_name(draft, config, places)
    base = draft_model(draft, config, "model_name_or_path", places)
    by_name = draft_sources(draft, config, places, stage)
    draft_training(draft, config, _NAMES, devices=devices)
    draft_mixture(draft, config, by_name)
    _method(draft, config, base)
    draft_precision(draft, config, pure=("pure_bf16",))
    _packing(draft, config, stage)
    _checkpointing(draft, config)
    draft_held_out(draft, config, "val_size")
    config.leave_all(_UNCARRIED, weight="matters")
    config.leave_all(_OF_NO_MATTER, weight="does not")
    draft_advice(draft)
    config.leave_rest(_FAMILIES)
    return draft


def _packing(draft: Draft, config: Config, stage: str) -> None:
    asked = config.take("packing")
    if stage == "pt":
        by = config.said("packing") if asked is not None else "its default in stage pt"
        draft.set("order", "packing", value="best_fit" if asked is False else "cut", by=by)
        return
    note = "Conversations stay whole, several in a row; they never see one another."
    draft.set("order", "packing", value="best_fit", by=config.said("packing"), note=note)


def _checkpointing(draft: Draft, config: Config) -> None:
    off = config.has("disable_gradient_checkpointing")
    config.take("disable_gradient_checkpointing")
    key = "disable_gradient_checkpointing"
    config.leave("gradient_checkpointing", "LLaMA-Factory goes by the other key", weight="does not")
    draft.set("training", "gradient_checkpointing", value=not off, by=config.said(key))


def _method(draft: Draft, config: Config, base: Path | None) -> None:
    kind, key = str(config.take("finetuning_type", "lora")), "finetuning_type"
    place = ("training", "method")
    if kind == "lora":
        draft.set(*place, value=_lora(config), by=_said(config, key, *_LORA))
    elif kind == "freeze":
        _freeze(draft, config, base)
    elif kind == "full":
        draft.set(*place, value={"type": "full"}, by=config.said(key))
    else:
        config.leave(key, "no such method here: all weights would learn; take lora or another")
    for name in (*_LORA, *_FREEZE):
        config.leave_unasked(name, f"of no use with finetuning_type {kind}")


def _said(config: Config, *keys: str) -> str:
    return ", ".join(config.said(key) for key in keys if config.has(key) or key == keys[0])


_LORA = ("lora_rank", "lora_alpha", "lora_dropout", "lora_target", "use_dora", "use_rslora")
_FREEZE = ("freeze_trainable_layers", "freeze_trainable_modules", "freeze_extra_modules")


def _lora(config: Config) -> dict[str, Any]:
    rank = int(config.take("lora_rank", 8))
    alpha = float(config.take("lora_alpha", 2 * rank))
    if config.take("use_rslora"):  # divided by the root of the rank: alpha says the same here
        alpha *= math.sqrt(rank)
    method: dict[str, Any] = {"type": "lora", "rank": rank, "alpha": alpha}
    method["dropout"] = config.number("lora_dropout", 0.0)
    targets = config.names("lora_target")
    if targets and targets != ["all"]:
        method["targets"] = targets
    return method | ({"dora": True} if config.take("use_dora") else {})


def _freeze(draft: Draft, config: Config, base: Path | None) -> None:
    learn = int(config.take("freeze_trainable_layers", 2))
    if config.names("freeze_trainable_modules") not in ([], ["all"]):
        config.leave("freeze_trainable_modules", "whole layers learn here")
    config.take("freeze_trainable_modules")
    config.leave("freeze_extra_modules", "what lies beyond the frozen layers is frozen or learns")
    part = "bottom" if learn > 0 else "top"
    said = _said(config, "finetuning_type", *_FREEZE[:2])
    total = _layers(base)
    note = (
        f"There {'the last' if learn > 0 else 'the first'} {abs(learn)} layers learn and nothing "
        "else; here what lies beyond the layers that learn does too (the head, or the embeddings)."
    )
    if config.has("use_llama_pro"):
        config.leave("use_llama_pro", "block_expansion adds such blocks to the model itself")
        note += " For LLaMA-Pro, take the model before its expansion and block_expansion."
    frozen = None if total is None else total - abs(learn)
    if frozen is None or frozen < 1:
        form = (
            f"{{type: freeze, part: {part}, layers: ITS LAYERS - {abs(learn)}, embeddings: true}}"
        )
        note += f" How many layers the model has is not known here; write: method: {form}"
        draft.set("training", "method", value={"type": "full"}, by=said, note=note)
        return
    method = {"type": "freeze", "part": part, "layers": frozen, "embeddings": True}
    draft.set("training", "method", value=method, by=said, note=note)


def _layers(base: Path | None) -> int | None:
    """Return how many decoder layers a model folder says that it has."""
    place = None if base is None else base / "config.json"
    if place is None or not place.is_file():
        return None
    shape = json.loads(place.read_text(encoding="utf-8"))
    count = shape.get("num_hidden_layers", shape.get("n_layer"))
    return count if isinstance(count, int) else None
