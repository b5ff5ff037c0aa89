"""Block expansion (LLaMA-Pro, Wu et al. 2024, section 3.2): more layers that add nothing at first.

base       0 1 | 2 3 | 4 5          6 layers in 3 groups
expanded   0 1 1'  2 3 3'  4 5 5'   each group's last layer again, output projections zero
"""

import copy
from typing import Any

from gapless.errors import ModelError
from gapless.modeling.layers import answers, decoder_layers

_OUTPUTS = (("o_proj", "down_proj"), ("dense", "dense_4h_to_h"), ("dense", "fc2"))
"""What attention and feed-forward part call their output projections: Llama and most others;
GPT-NeoX (Pythia); Phi."""
_LAYER_BY_LAYER = (
    "layer_types",
    "layers_block_type",
    "mlp_layer_types",
    "no_rope_layers",
    "layer_rope_theta",
    "num_attention_heads_per_layer",
    "num_key_value_heads_per_layer",
    "intermediate_size",
    "activation_sparsity_pattern",
)
"""Settings that hold one value per layer, where they are lists."""


def expand(model: Any, blocks: int) -> None:
    """Add ``blocks`` decoder layers to ``model``, spread evenly; only they ask for gradients.

    Where the layers do not divide into groups of one size, the larger groups are spread evenly too.

    Raises:
        ModelError: an architecture whose layers cannot be copied so that the model still answers
            as before and its config describes it.

    """
    import torch

    _, layers = decoder_layers(model)
    before = len(layers)
    assert blocks <= before
    answered = answers(model)
    model.requires_grad_(requires_grad=False)
    copied = {(group + 1) * before // blocks - 1 for group in range(blocks)}
    sources = sorted([*range(before), *copied])
    expanded, seen = [], -1
    for source in sources:
        is_copy = source == seen
        expanded.append(_silent_copy(model, layers[source]) if is_copy else layers[source])
        seen = source
    _replace(layers, expanded)
    _describe(model.config.get_text_config(), sources)
    # To the bit, for x + 0 is x.
    if not torch.equal(answers(model), answered) or not _fits_its_config(model):
        raise _unknown(model)


def _silent_copy(model: Any, layer: Any) -> Any:
    """Return a copy that learns and whose output projections, biases too, are zero.

    Its parts keep the model's config itself: `attention_within` sets there how all layers attend.
    """
    import torch

    configs = [part.config for part in layer.modules() if hasattr(part, "config")]
    added = copy.deepcopy(layer, {id(config): config for config in configs})
    added.requires_grad_(requires_grad=True)
    parameters = dict(added.named_parameters())
    parts = {part for name in parameters for part in name.split(".")}
    outputs = next((names for names in _OUTPUTS if parts.issuperset(names)), None)
    if outputs is None:
        raise _unknown(model)
    with torch.no_grad():
        for name, parameter in parameters.items():
            if not set(outputs).isdisjoint(name.split(".")):
                parameter.zero_()
    return added


def _replace(layers: Any, expanded: list[Any]) -> None:
    """Put the layers in, each knowing its number (caches go by it)."""
    del layers[:]
    layers.extend(expanded)
    for number, layer in enumerate(expanded):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = number


def _describe(config: Any, sources: list[int]) -> None:
    """Let the config say how many layers there are, and repeat what it says layer by layer."""
    before = config.num_hidden_layers
    for name in _LAYER_BY_LAYER:
        value = vars(config).get(name)
        if isinstance(value, list) and len(value) == before:
            setattr(config, name, [value[source] for source in sources])
    config.num_hidden_layers = len(sources)


def _fits_its_config(model: Any) -> bool:
    """Whether a model made from the config has the same tensors."""
    import torch

    with torch.device("meta"):
        other = type(model)(copy.deepcopy(model.config))
    shapes = [{n: t.shape for n, t in each.state_dict().items()} for each in (model, other)]
    return shapes[0] == shapes[1]


def _unknown(model: Any) -> ModelError:
    return ModelError(
        f"the layers of a {model.config.model_type!r} model cannot be copied without changing "
        "its answers",
        where="training.method",
        mend="Use another method, or an architecture like llama, qwen3, mistral, gemma3, olmo2, "
        "phi3, gpt_neox.",
    )
