"""Attention within documents: work is done for what tokens may see, and for nothing else.

    masked       `transformers`' own: every token against every token of its row, then a mask
    documents    one causal product per document on a CPU; on CUDA one call of torch's
                 variable-length kernel for all of them

With documents of 300 tokens in rows of 2,048 the second is four times faster (docs/training.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention

from gapless.errors import ModelError

Kind = Literal["masked", "documents"]
_NAME = "gapless_documents"
_SHORTEST_ROW = 512
"""Below, a mask costs no more than the calls for each document."""
_LARGEST_DIFFERENCE = {False: 1e-4, True: 3e-2}
"""Of logits, their mean over their spread, in fp32 and in bf16; rounding gives a tenth of it."""

_WINDOWS = ("sliding_window", "attention_chunk_size")
"""What a config calls the most tokens that a token sees."""


@dataclass
class Documents:
    """Where the documents of some rows begin and end, the rows laid end to end."""

    lengths: list[int]
    ends: torch.Tensor
    """From 0 on, int32, on the device."""
    _bands: dict[tuple[int, int], torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, positions: torch.Tensor) -> "Documents":
        """Read the borders from positions (rows, context); a document does not reach past a row."""
        rows, context = positions.shape
        flat = positions.flatten()
        goes_on = flat[1:] == flat[:-1] + 1
        goes_on[context - 1 :: context] = False
        begins = (~goes_on).nonzero()[:, 0].add(1).tolist()
        ends = [0, *begins, rows * context]
        return cls(
            [end - begin for begin, end in pairwise(ends)],
            torch.tensor(ends, dtype=torch.int32, device=positions.device),
        )

    def band(self, length: int, window: int | None) -> torch.Tensor:
        """Return which of ``length`` tokens see which: themselves and ``window`` - 1 before."""
        assert window is not None
        if (length, window) not in self._bands:
            places = torch.arange(length)
            distances = places[:, None] - places
            self._bands[length, window] = (distances >= 0) & (distances < window)
        return self._bands[length, window]


class _Now:
    """The documents of the forward and backward pass that runs.

    Not a context variable: on CUDA the backward pass, which may work a layer out again, has a
    thread of its own.
    """

    documents: Documents | None = None


@contextmanager
def attention_within(model: Any, positions: torch.Tensor) -> Iterator[None]:
    """Let the model's forward and backward meanwhile attend document by document."""
    _register()
    config, before = model.config, model.config._attn_implementation  # noqa: SLF001
    config._attn_implementation, _Now.documents = _NAME, Documents.of(positions)  # noqa: SLF001
    try:
        yield
    finally:
        config._attn_implementation, _Now.documents = before, None  # noqa: SLF001


def choose_attention(
    model: Any,
    wanted: Kind | Literal["auto"],
    *,
    context: int,
    device: torch.device,
    bf16: bool,
) -> Kind:
    """Return the kind ``wanted``, tried out on the model; ``auto`` is the faster that is right.

    Raises:
        ModelError: the model gives other logits by documents.

    """
    on_gpu = device.type == "cuda"
    if wanted == "masked" or (wanted == "auto" and not on_gpu and context < _SHORTEST_ROW):
        return "masked"
    fault = _fault(model, context, device, bf16=bf16)
    if fault and wanted == "documents":
        raise ModelError(
            f"a {model.config.model_type!r} model cannot attend document by document: {fault}",
            where="training.attention",
            mend="Take auto or masked.",
        )
    return "masked" if fault else "documents"


def _fault(model: Any, context: int, device: torch.device, *, bf16: bool) -> str | None:
    """Compare the logits of a row of three documents, one longer than the model's window."""
    settings = model.config.get_text_config()
    configs = [part.config for part in model.modules() if hasattr(part, "config")]
    if any(config is not model.config and config is not settings for config in configs):
        return "one of its parts has settings of its own"  # and would attend to whole rows
    windows = (getattr(settings, name, None) or 0 for name in _WINDOWS)
    length = min(context, max(256, 2 * max(windows)))
    places = torch.arange(length, device=device)
    borders = torch.tensor([0, length // 8, length // 4], device=device)
    positions = (places - borders[torch.bucketize(places, borders, right=True) - 1])[None]
    inputs = {"input_ids": (places * 7 % 31 + 1)[None], "position_ids": positions}
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            masked = model(**inputs, use_cache=False).logits.float()
            with attention_within(model, positions):
                other = model(**inputs, use_cache=False).logits.float()
    except torch.OutOfMemoryError:
        raise
    except (KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        return str(error)
    finally:
        model.train(was_training)
    difference = float((masked - other).abs().mean() / masked.std())
    wrong = not difference <= _LARGEST_DIFFERENCE[bf16]  # a nan is wrong too
    return f"its logits differ by {difference:.2g} of their spread" if wrong else None


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(_NAME, _attend)
    AttentionMaskInterface.register(_NAME, lambda *_, **__: None)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # for each row, it would compile anew
def _attend(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **given: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as `transformers` asks: (rows, heads, context, width) in, heads and context swapped.

    A token sees itself and those before it in its document, at most ``sliding_window`` in all.
    """
    documents = _Now.documents
    assert documents is not None
    for name in ("softcap", "s_aux", "position_bias"):
        if given.get(name) is not None:
            raise NotImplementedError(f"its attention has a {name}")
    if attention_mask is not None or given.get("is_causal") is False:
        raise NotImplementedError("its attention has a mask of its own")
    rows, _, context, _ = query.shape
    dropout, window = given.get("dropout", 0.0), given.get("sliding_window")
    flat = _Flat(*(part.transpose(1, 2).flatten(0, 1) for part in (query, key, value)))
    if query.is_cuda and dropout == 0:
        seen = _by_kernel(documents, flat, given.get("scaling"), window)
    else:
        seen = _one_by_one(documents, flat, given.get("scaling"), window, dropout=dropout)
    return seen.view(rows, context, *seen.shape[1:]), None


class _Flat(NamedTuple):
    """Tensors (tokens, heads, width) of rows laid end to end."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor

    @property
    def shares_keys(self) -> bool:
        """Whether several heads of the query have one of the keys."""
        return self.query.shape[1] != self.key.shape[1]


def _one_by_one(
    documents: Documents,
    flat: _Flat,
    scaling: float | None,
    window: int | None,
    *,
    dropout: float,
) -> torch.Tensor:
    """Attend in each document. One split and one concatenation keep the backward pass cheap."""
    seen = []
    split = (torch.split(part, documents.lengths) for part in flat)
    for length, *parts in zip(documents.lengths, *split, strict=True):
        query, key, value = (part.transpose(0, 1)[None] for part in parts)
        is_causal = window is None or length <= window
        answer = scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if is_causal else documents.band(length, window).to(query.device),
            dropout_p=dropout,
            is_causal=is_causal,
            scale=scaling,
            enable_gqa=flat.shares_keys,
        )
        seen.append(answer[0].transpose(0, 1))
    return torch.cat(seen)


def _by_kernel(
    documents: Documents, flat: _Flat, scaling: float | None, window: int | None
) -> torch.Tensor:
    """Attend in all documents by one kernel; it takes 16-bit numbers alone."""
    from torch.nn.attention.varlen import varlen_attn

    if torch.is_autocast_enabled("cuda"):
        flat = _Flat(*(part.to(torch.get_autocast_dtype("cuda")) for part in flat))
    longest = max(documents.lengths)
    seen = varlen_attn(
        flat.query,
        flat.key,
        flat.value,
        documents.ends,
        documents.ends,
        longest,
        longest,
        scale=scaling,
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=flat.shares_keys,
    )
    assert isinstance(seen, torch.Tensor)
    return seen
