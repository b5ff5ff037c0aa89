"""What tools take over from the trainer of `transformers`: batches, budgets, optimizer, cadence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gapless.interchange.foreign import Config, Draft
from gapless.interchange.rate_keys import schedule_of

_ADAMW = {
    "adamw",
    "paged_adamw",
    "paged_adamw_32bit",
    "adamw_hf",
    "adamw_torch",
    "adamw_torch_fused",
    "adamw_torch_xla",
    "adamw_apex_fused",
}
_ADAMW_8BIT = {
    "adamw_8bit",
    "adamw_bnb_8bit",
    "adamw_torch_8bit",
    "paged_adamw_8bit",
    "ao_adamw_8bit",
}
_UNCARRIED = {
    "gapless has no fp16: its range needs a scaled loss; bf16 is taken where it is fast": (
        "fp16",
        "float16",
    ),
    "noise on embeddings is not known here": ("neftune_noise_alpha",),
    "one loss and one rate for all weights": (
        "label_smoothing_factor",
        "embedding_lr",
        "lr_groups",
    ),
    "documents are shuffled, and rows are full": ("group_by_length", "disable_shuffling"),
    "a run has its budget, and is measured all the way": (
        *("early_stopping_steps", "early_stopping_patience", "load_best_model_at_end"),
    ),
}
_OF_NO_MATTER = {
    "a run's folder is runs/NAME beside the recipe, or --run-dir": (
        *("output_dir", "overwrite_output_dir", "logging_dir", "do_train"),
    ),
    "a run always goes on from where it was stopped": (
        *("resume_from_checkpoint", "auto_resume_from_checkpoints", "save_only_model"),
    ),
    "every step is written down, and the report draws it": (
        *("logging_steps", "logging_strategy", "plot_loss", "include_tokens_per_second"),
        *("include_num_input_tokens_seen", "logging_first_step", "loss_watchdog_threshold"),
        *("loss_watchdog_patience", "include_effective_tokens_per_second", "run_name"),
    ),
    "gapless takes the fastest attention that keeps documents apart (training.attention)": (
        *(
            "flash_attn",
            "flash_attention",
            "sdp_attention",
            "xformers_attention",
            "attn_implementation",
        ),
        *("flex_attention", "eager_attention", "flash_attn_fuse_mlp", "flash_attn_fuse_qkv"),
        *("flash_attn_cross_entropy", "flash_attn_rms_norm", "use_cache"),
    ),
    "torchrun starts the processes, training.sharding divides the weights": (
        *("deepspeed", "fsdp", "fsdp_config", "fsdp_version", "ddp_timeout", "ddp", "local_rank"),
        *("world_size", "ddp_find_unused_parameters", "device_map", "max_memory", "dp_shard_size"),
        *("dp_replicate_size", "fsdp_final_state_dict_type", "ray_run_name", "ray_num_workers"),
        *("resources_per_worker", "placement_strategy", "ray_storage_path", "use_ray"),
        *("gpu_memory_limit", "low_cpu_mem_usage"),
    ),
    "text is worked on by all cores, and kept": (
        *("overwrite_cache", "preprocessing_num_workers", "preprocessing_batch_size"),
        *("dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor"),
        *("dataloader_drop_last", "dataset_processes", "dataset_num_proc", "cache_dir"),
        *(
            "dataset_prepared_path",
            "tokenized_path",
            "streaming",
            "buffer_size",
            "remove_unused_columns",
        ),
        *("dataset_keep_in_memory", "skip_prepare_dataset", "streaming_multipack_buffer_size"),
    ),
    "gapless never runs code from model folders": ("trust_remote_code",),
    "nothing is uploaded; `gapless report --export` writes the model and its card": (
        *("push_to_hub", "hub_model_id", "hub_strategy", "push_dataset_to_hub", "hub_private_repo"),
        *("hf_use_auth_token", "hf_hub_token", "export_hub_model_id", "wandb_log_model"),
    ),
    "probes measure held-out text and tasks while the model trains (probing)": (
        *(
            "do_eval",
            "eval_strategy",
            "evaluation_strategy",
            "per_device_eval_batch_size",
        ),
        *("eval_batch_size", "evals_per_epoch", "eval_table_size", "eval_sample_packing"),
        *("eval_max_new_tokens", "eval_causal_lm_metrics", "compute_accuracy", "do_predict"),
        *("predict_with_generate", "eval_on_each_dataset", "eval_num_beams", "do_bench_eval"),
    ),
    "checkpoints go by tokens (training.checkpoints); a tenth of the run by default": (
        *("save_strategy", "saves_per_epoch", "save_safetensors", "save_first_step"),
    ),
    "tf32 is not switched here: bf16 is taken where it is fast": ("tf32",),
    "the loss is computed without all logits in memory where that helps (training.loss)": (
        *(
            "enable_liger_kernel",
            "use_unsloth",
            "use_unsloth_gc",
            "liger_fused_linear_cross_entropy",
        ),
        *("liger_rope", "liger_rms_norm", "liger_glu_activation", "liger_layer_norm", "plugins"),
        *("lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel", "cut_cross_entropy"),
        *("liger_cross_entropy",),
    ),
    "this is done as a matter of course": ("upcast_layernorm", "pad_to_sequence_len", "strict"),
    "the best checkpoint goes by the domain's bits per byte": (
        *("metric_for_best_model", "greater_is_better"),
    ),
    "kernels are torch's own": ("use_v1_kernels", "debug"),
    "the report compares runs; it needs no account": ("wandb_watch", "wandb_name", "wandb_run_id"),
}


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a tool calls the trainer's settings, and what it takes where nothing is said."""

    context: tuple[str, int]
    micro: tuple[str, int]
    epochs: tuple[str, float]
    scheduler: tuple[str, str]
    optimizer: str
    warmup: float
    """Fraction of the run; at most 100 steps where it is not zero."""


def draft_training(draft: Draft, config: Config, names: Names, *, devices: int) -> None:
    """Write down context, budget and the training of a recipe."""
    key, default = names.context
    context = int(config.take(key, default))
    draft.set("order", "context", value=context, by=config.said(key))
    steps = int(config.take("max_steps", 0))
    batch = _batches(draft, config, names, context=context, devices=devices)
    _budget(draft, config, names, steps=steps, batch=batch)
    rate = config.number("learning_rate", 5e-5)
    draft.set("training", "learning_rate", value=rate, by=config.said("learning_rate"))
    draft_schedule = schedule_of(config, names, rate=rate or 5e-5, steps=steps, batch=batch)
    draft.set("training", "schedule", value=draft_schedule[0], by=draft_schedule[1])
    _optimizer(draft, config, names)
    _compile(draft, config)
    _cadence(draft, config, steps=steps, batch=batch)
    _trackers(draft, config)
    config.leave_all(_UNCARRIED, weight="matters")
    config.leave_all(_OF_NO_MATTER, weight="does not")


def _batches(draft: Draft, config: Config, names: Names, *, context: int, devices: int) -> int:
    """Write the batches down; return the tokens of a step."""
    micro_key, default = names.micro
    micro = int(config.take(micro_key, default))
    turns = int(config.take("gradient_accumulation_steps", 1))
    whole, product = micro * turns * devices, f"{micro} x {turns} x {devices}"
    by = f"{micro_key} x gradient_accumulation_steps x devices x context = {product} x {context}"
    if config.has("batch_size"):
        whole = int(config.take("batch_size"))
        by = f"batch_size: {whole}, each of {context} tokens"
    draft.set("training", "batch_tokens", value=whole * context, by=by)
    draft.say(
        "training",
        "batch_tokens",
        note=f"The config does not say on how many devices it ran: {devices} "
        f"{'is' if devices == 1 else 'are'} assumed here (`gapless import --devices N`). There a "
        "step is so many examples, here so many tokens: rows are full, so it holds more of them.",
    )
    said = config.said(micro_key)
    draft.set("training", "micro_batch_tokens", value=micro * context, by=f"{said}, x {context}")
    return whole * context


def _budget(draft: Draft, config: Config, names: Names, *, steps: int, batch: int) -> None:
    key, default = names.epochs
    place = ("order", "phases", 0)
    if steps > 0:
        draft.set(*place, "tokens", value=steps * batch, by=f"max_steps: {steps} x {batch} tokens")
        config.leave(key, "max_steps goes before it, there as here", weight="does not")
        return
    config.take(key)
    draft.set(*place, "epochs", value=config.number(key, default), by=config.said(key))
    config.take("max_steps")


def _optimizer(draft: Draft, config: Config, names: Names) -> None:
    key = names.optimizer
    chosen = str(config.take(key, "adamw_torch"))
    if chosen in _ADAMW_8BIT:
        draft.set("training", "optimizer", value="adamw_8bit", by=config.said(key))
    elif chosen in _ADAMW:
        draft.set("training", "optimizer", value="adamw", by=config.said(key))
    else:
        config.leave(key, "gapless trains with AdamW, in fp32 or 8 bits; look at the rate again")
    betas = [config.number(name, usual) for name, usual in _BETAS.items()]
    said = ", ".join(config.said(name) for name in _BETAS)
    draft.set("training", "betas", value=betas, by=said)
    for name, (ours, usual) in _OPTIMIZER.items():
        draft.set("training", ours, value=config.number(name, usual), by=config.said(name))


_BETAS = {"adam_beta1": 0.9, "adam_beta2": 0.999}
_OPTIMIZER = {
    "adam_epsilon": ("epsilon", 1e-8),
    "weight_decay": ("weight_decay", 0.0),
    "max_grad_norm": ("clip_norm", 1.0),
}


def _compile(draft: Draft, config: Config) -> None:
    if config.has("torch_compile"):
        draft.set("training", "compile", value=True, by=config.said("torch_compile"))
    config.take("torch_compile")


def draft_precision(draft: Draft, config: Config, *, pure: tuple[str, ...]) -> None:
    """Write down the arithmetic; ``pure`` are the keys that keep weights in bf16."""
    adapters = draft.tree["training"].get("method", {}).get("type") == "lora"
    asked = str(config.take("bf16", "")).lower()
    kept = [key for key in pure if config.has(key)]
    for key in pure:
        config.take(key)
    if kept or asked == "full":
        said = config.said(kept[0] if kept else "bf16")
        draft.set("training", "precision", value="bf16", by=said)
        if not adapters:
            draft.set("training", "weights", value="bf16", by=said)
    elif asked == "true":
        draft.set("training", "precision", value="bf16", by=config.said("bf16"))
    else:
        said = config.said("bf16") if asked else "the config says nothing of bf16"
        draft.set("training", "precision", value="auto", by=said)
    if config.has("fp8") and not adapters and draft.tree["order"]["context"] % 16 == 0:
        draft.set("training", "precision", value="fp8", by=config.said("fp8"))
    config.leave("fp8", _why_no_fp8(draft.tree)) if adapters or _odd(draft) else config.take("fp8")


def _odd(draft: Draft) -> bool:
    return bool(draft.tree["order"]["context"] % 16)


def _why_no_fp8(tree: Mapping[str, Any]) -> str:
    if tree["order"]["context"] % 16:
        return "fp8 takes rows of a multiple of 16 tokens"
    return "adapters are too small to be multiplied in fp8"


def _cadence(draft: Draft, config: Config, *, steps: int, batch: int) -> None:
    places = {
        "save_steps": ("training", "checkpoints", "every"),
        "eval_steps": ("probing", "every"),
    }
    for key, place in places.items():
        asked = config.number(key, 0.0) or 0.0
        count = asked * steps if 0 < asked < 1 else asked
        if count >= 1:
            draft.set(*place, value=int(count) * batch, by=f"{key}: {asked:g} x {batch} tokens")
        else:
            config.leave(key, "a part of a run of unknown length: write it in tokens")
    kept = config.take("save_total_limit")
    if kept:
        said = config.said("save_total_limit")
        draft.set("training", "checkpoints", "keep_last", value=int(kept), by=said)


def _trackers(draft: Draft, config: Config) -> None:
    """Write down where the run is shown besides its own files."""
    name = draft.tree["name"]
    found: dict[str, dict[str, Any]] = {}
    for kind in config.names("report_to"):
        if kind in {"wandb", "trackio"}:
            found[kind] = {"type": kind, "project": name}
        elif kind in {"tensorboard", "mlflow"}:
            found[kind] = {"type": kind}
    if config.has("use_tensorboard"):
        found["tensorboard"] = {"type": "tensorboard"}
    if config.has("wandb_project"):
        found["wandb"] = {"type": "wandb", "project": str(config.take("wandb_project"))}
        if config.has("wandb_entity"):
            found["wandb"]["entity"] = str(config.take("wandb_entity"))
    if config.has("mlflow_experiment_name") or config.has("mlflow_tracking_uri"):
        fields = {"experiment": "mlflow_experiment_name", "uri": "mlflow_tracking_uri"}
        given = {ours: str(config.take(key)) for ours, key in fields.items() if config.has(key)}
        found["mlflow"] = {"type": "mlflow", **given}
    keys = [key for key in _TRACKED if config.has(key)]
    if found:
        said = ", ".join(config.said(key) for key in keys)
        draft.set("logging", value=list(found.values()), by=said)
        for key in keys:
            config.take(key)
    else:
        config.leave("report_to", _TRACKERS, weight="does not")


_TRACKERS = "of trackers, gapless knows wandb, tensorboard, trackio and mlflow (logging)"
_TRACKED = (
    *("report_to", "use_tensorboard", "wandb_project", "wandb_entity"),
    *("mlflow_experiment_name", "mlflow_tracking_uri"),
)
