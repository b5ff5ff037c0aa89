"""Configs of axolotl: ``axolotl train CONFIG``, text and answers.

The keys are those of its ``utils/schemas``; trainer settings are called as in `transformers`.
"""

import math
from typing import Any

from gapless.errors import RecipeError
from gapless.interchange.axolotl_text import draft_sources
from gapless.interchange.foreign import Config, Draft
from gapless.interchange.text_places import (
    Places,
    draft_advice,
    draft_held_out,
    draft_model,
    draft_name,
)
from gapless.interchange.trainer_keys import Names, draft_precision, draft_training

_NAMES = Names(
    context=("sequence_len", 512),
    micro=("micro_batch_size", 1),
    epochs=("num_epochs", 1.0),
    scheduler=("lr_scheduler", "cosine"),
    optimizer="optimizer",
    warmup=0.03,
)
_UNCARRIED = {
    "conversations go by the tokenizer's own template; `chat: {template: ...}` names another": (
        *("chat_template", "chat_template_jinja", "default_system_message", "eot_tokens"),
    ),
    "probes measure held-out text; other text: a source with `held_out: 1.0`": ("test_datasets",),
    "weights are not quantised here; adapters are learned beside whole ones": (
        *("load_in_8bit", "load_in_4bit", "gptq", "bnb_config_kwargs", "qat", "quantization"),
    ),
    "adapters begin at zero, at one rate, in every decoder layer": (
        *("loraplus_lr_ratio", "loraplus_lr_embedding", "peft_init_lora_weights", "lora_model_dir"),
        *("peft_layers_to_transform", "peft_layers_pattern", "loftq_config", "relora"),
        *("relora_prune_ratio", "peft_layer_replication", "lora_target_parameters", "peft"),
    ),
    "modules apart from the adapters stay as they are": (
        *("lora_modules_to_save", "peft_trainable_token_indices"),
    ),
    "layers are frozen from the top or the bottom (training.method), not by pattern": (
        *("unfrozen_parameters", "spectrum_top_fraction"),
    ),
    "the tokenizer is taken as it is: change its folder, and name it in model.tokenizer": (
        *("special_tokens", "tokens", "added_tokens_overrides", "resize_token_embeddings_to_32x"),
        *("tokenizer_type", "tokenizer_legacy"),
    ),
    "the model is taken as its config.json says": (
        *("overrides_of_model_config", "overrides_of_model_kwargs", "rope_scaling"),
        *("revision_of_model", "model_config_type"),
    ),
    "documents are exact copies of one another once, always (deduplication)": (
        "dataset_exact_deduplication",
    ),
    "a document longer than a row is cut or split, never dropped": (
        *("excess_length_strategy", "min_sample_len", "drop_system_message"),
    ),
}
_OF_NO_MATTER = {
    "the classes are those that the model's folder names": (
        *("model_type", "base_model_config", "processor_type", "is_llama_derived_model"),
        *("is_mistral_derived_model", "is_qwen_derived_model", "is_falcon_derived_model"),
        "tokenizer_use_fast",
    ),
    "documents are always shuffled": (
        *("shuffle_merged_datasets", "shuffle_before_merging_datasets"),
    ),
    "rows are filled by the order (order.packing)": (
        *("sample_packing_group_size", "sample_packing_bin_size", "sample_packing_eff_est"),
        *("sample_packing_sequentially", "multipack_real_batches", "pretrain_multipack_attn"),
        *(
            "pretrain_multipack_buffer_size",
            "pretraining_sample_concatenation",
            "curriculum_sampling",
        ),
        "total_num_tokens",
    ),
    "adapters are merged into the weights that the run gives back": (
        *("merge_lora", "lora_on_cpu", "lora_fan_in_fan_out", "merge_method"),
    ),
    "settings of gradient checkpointing are those of torch": ("gradient_checkpointing_kwargs",),
}


def draft_axolotl(config: Config, places: Places, *, devices: int) -> Draft:
    """Return the draft of a recipe; what it cannot have is left out of ``config``.

    Raises:
        RecipeError: the config learns from preferences or rewards.

    """
    for key in ("rl", "reward_model", "process_reward_model"):
        if config.take(key):
            raise RecipeError(
                f"{config.said(key)} learns from preferences; gapless from text and answers",
                where=key,
                mend="Import a config of text or conversations.",
            )
    draft = Draft()
    draft_name(draft, config, places)
    draft_model(draft, config, "base_model", places)
    if config.has("tokenizer_config"):
        named = str(config.take("tokenizer_config"))
        found = places.found(named)
        path = named if found is None else places.spelled(found)
        draft.set("model", "tokenizer", value=path, by=config.said("tokenizer_config"))
    has_chats = draft_sources(draft, config, places)
    draft_training(draft, config, _NAMES, devices=devices)
    _method(draft, config)
    draft_precision(draft, config, pure=("bfloat16",))
    _packing(draft, config, has_chats=has_chats)
    asked = config.take("gradient_checkpointing")
    if asked is not None:
        by = config.said("gradient_checkpointing")
        draft.set("training", "gradient_checkpointing", value=bool(asked), by=by)
    draft_held_out(draft, config, "val_set_size")
    config.leave_all(_UNCARRIED, weight="matters")
    config.leave_all(_OF_NO_MATTER, weight="does not")
    draft_advice(draft)
    config.leave_rest()
    return draft


def _packing(draft: Draft, config: Config, *, has_chats: bool) -> None:
    config.take("sample_packing")
    by = config.said("sample_packing")
    if has_chats:
        note = "Conversations stay whole, several in a row; they never see one another."
        draft.set("order", "packing", value="best_fit", by=by, note=note)
    else:
        note = "Documents are joined and cut at the rows' borders; best_fit cuts long ones alone."
        draft.set("order", "packing", value="cut", by=by, note=note)


def _method(draft: Draft, config: Config) -> None:
    kind = config.take("adapter")
    place = ("training", "method")
    if kind in {"lora", "qlora"}:
        keys = ["adapter", *(key for key in _LORA if config.has(key))]
        said = ", ".join(config.said(key) for key in keys)
        draft.set(*place, value=_lora(config), by=said)
        if kind == "qlora":
            note = "The adapters are learned beside whole weights here: more memory than there."
            draft.say(*place, note=note)
    elif kind is None:
        draft.set(*place, value={"type": "full"}, by="no adapter")
    else:
        config.leave("adapter", "no such adapter here: all weights would learn")
    for key in _LORA:
        config.leave_unasked(key, "of no use without an adapter")


_LORA = (
    *("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "lora_target_linear"),
    *("peft_use_dora", "peft_use_rslora"),
)


def _lora(config: Config) -> dict[str, Any]:
    rank = int(config.take("lora_r", 8))
    alpha = float(config.take("lora_alpha", 8))
    if config.take("peft_use_rslora"):  # divided by the root of the rank: alpha says the same here
        alpha *= math.sqrt(rank)
    method: dict[str, Any] = {"type": "lora", "rank": rank, "alpha": alpha}
    method["dropout"] = config.number("lora_dropout", 0.0)
    targets = config.names("lora_target_modules")
    all_linear = config.take("lora_target_linear") or targets == ["all-linear"]
    if targets and not all_linear:
        method["targets"] = targets
    return method | ({"dora": True} if config.take("peft_use_dora") else {})
