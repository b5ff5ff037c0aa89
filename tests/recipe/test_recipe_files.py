from pathlib import Path

import pytest

from gapless.errors import RecipeError
from gapless.recipe import Recipe, decode, load

SMALL = """\
name: small
model: {type: pretrained, path: base}
sources:
  pubmed:
    role: domain
    path: pubmed.jsonl
    scores: [perplexity]
  web: {role: general, path: web.jsonl}
order:
  context: 128
training: {batch_tokens: 1024}
"""


def write(folder: Path, text: str = SMALL) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def message(path: Path, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load(path, overrides)
    assert caught.value.exit_status == 2
    text = str(caught.value)
    assert "Input should be" not in text
    assert "pydantic" not in text
    return text.replace(str(path), "recipe.yaml")


def test_a_small_recipe_loads_with_its_defaults(tmp_path: Path) -> None:
    recipe = load(write(tmp_path))
    assert recipe.sources["pubmed"].held_out == 0.02
    assert recipe.order.phases[0].epochs == 1
    assert recipe.training.schedule.type == "cosine"


def test_scalars_follow_yaml_1_2(tmp_path: Path) -> None:
    text = SMALL.replace(
        "{type: pretrained, path: base}",
        "{type: new, tokenizer: t, "
        "config: {eps: 1e-5, day: 2024-01-02, word: no, on: 1_000, 7: 0x10}}",
    )
    config = load(write(tmp_path, text)).model.config  # type: ignore[union-attr]
    assert config == {"eps": 1e-5, "day": "2024-01-02", "word": "no", "on": 1000, "7": 16}


def test_a_source_may_be_called_no_or_2024(tmp_path: Path) -> None:
    text = SMALL.replace("  web:", "  no: {role: general, path: x}\n  2024:")
    assert list(load(write(tmp_path, text)).sources) == ["pubmed", "no", "2024"]


def test_anchors_and_merge_keys_work_and_written_keys_win(tmp_path: Path) -> None:
    text = SMALL.replace("  pubmed:\n", "  pubmed: &one\n").replace(
        "web: {role: general, path: web.jsonl}", "web: {<<: *one, role: general}"
    )
    web = load(write(tmp_path, text)).sources["web"]
    assert (web.role, web.path) == ("general", "pubmed.jsonl")


FILES = {
    "unknown key": (
        SMALL.replace("batch_tokens", "batch_token"),
        (
            "recipe.yaml:11: training.batch_token: there is no such setting\n"
            "  Did you mean 'batch_tokens'?"
        ),
    ),
    "unknown key without a neighbour": (
        SMALL + "cleaning: {zzz: 1}\n",
        (
            "recipe.yaml:12: cleaning.zzz: there is no such setting\n"
            "  Allowed here: min_characters, max_broken_fraction, max_bad_records, keep_removed, "
            "cleaners."
        ),
    ),
    "unknown type": (
        SMALL.replace("pretrained,", "pretraned,"),
        "recipe.yaml:2: model.type: there is no type 'pretraned'\n  Did you mean 'pretrained'?",
    ),
    "no type": (
        SMALL.replace("1024}", "1024, schedule: {warmup: 0.2}}"),
        (
            "recipe.yaml:11: training.schedule: the 'type' is missing\n"
            "  Write one of them: constant, cosine, linear, inverse_square_root, wsd, infinite."
        ),
    ),
    "a word where a part belongs": (
        SMALL.replace("1024}", "1024, schedule: cosine}"),
        (
            "recipe.yaml:11: training.schedule: must be a mapping with a 'type', not 'cosine'\n"
            "  Types: constant, cosine, linear, inverse_square_root, wsd, infinite."
        ),
    ),
    "setting of another type": (
        SMALL.replace("1024}", "1024, schedule: {type: constant, decay: 0.2}}"),
        (
            "recipe.yaml:11: training.schedule.decay: "
            "there is no such setting for type 'constant'\n  Allowed here: warmup, warmup_from."
        ),
    ),
    "missing": (SMALL.replace("name: small\n", ""), "recipe.yaml: name: is missing"),
    "missing below": (
        SMALL.replace("    role: domain\n", ""),
        "recipe.yaml:4: sources.pubmed.role: is missing",
    ),
    "unknown word": (
        SMALL.replace("role: general", "role: generl"),
        (
            "recipe.yaml:8: sources.web.role: 'generl' is not one of the allowed words\n"
            "  Did you mean 'general'? Allowed: domain, general, reference."
        ),
    ),
    "no word": (
        SMALL.replace("1024}", "1024, device: 7}"),
        (
            "recipe.yaml:11: training.device: 7 is not one of the allowed words\n"
            "  Allowed: auto, cpu, cuda."
        ),
    ),
    "the only word": (
        SMALL.replace("1024}", "1024, average: {type: emma}}"),
        (
            "recipe.yaml:11: training.average.type: 'emma' is not one of the allowed words\n"
            "  Did you mean 'ema'? Allowed: ema."
        ),
    ),
    "no name": (
        SMALL.replace("web:", "my web:"),
        (
            "recipe.yaml:8: sources.my web: 'my web' is not a name\n"
            "  Begin with a letter or digit; go on with letters, digits, '.', '_' and '-'."
        ),
    ),
    "long name": (
        SMALL.replace("small", "a" * 81),
        f"recipe.yaml:1: name: '{'a' * 56}... is longer than 80 characters",
    ),
    "number for text": (
        SMALL.replace("path: web.jsonl", "path: 3"),
        "recipe.yaml:8: sources.web.path: must be text, not 3\n  Put it in quotes to make it text.",
    ),
    "text for a number": (
        SMALL.replace("1024}", "1024, learning_rate: fast}"),
        "recipe.yaml:11: training.learning_rate: must be a number, not 'fast'",
    ),
    "fraction of a whole": (
        SMALL.replace("128", "128.5"),
        "recipe.yaml:10: order.context: must be a whole number, not 128.5",
    ),
    "amount": (
        SMALL.replace("1024}", "1Q}"),
        (
            "recipe.yaml:11: training.batch_tokens: '1Q' is not an amount of tokens; "
            "write it like 4096, 500k, 2.5B or 1T"
        ),
    ),
    "fraction": (
        SMALL.replace("jsonl}", "jsonl, held_out: a%}"),
        "recipe.yaml:8: sources.web.held_out: 'a%' is not a fraction; write it like 0.1 or 10%",
    ),
    "above": (
        SMALL.replace("jsonl}", "jsonl, held_out: 150%}"),
        "recipe.yaml:8: sources.web.held_out: must be at most 1, not '150%'",
    ),
    "not above": (
        SMALL.replace("1024}", "1024, learning_rate: -1}"),
        "recipe.yaml:11: training.learning_rate: must be above 0, not -1",
    ),
    "true for a number": (
        SMALL.replace("1024}", "1024, weight_decay: true}"),
        "recipe.yaml:11: training.weight_decay: must be a number, not true",
    ),
    "infinity": (
        SMALL.replace("1024}", "1024, clip_norm: .inf}"),
        "recipe.yaml:11: training.clip_norm: must be a finite number, not inf",
    ),
    "word for true": (
        SMALL.replace("1024}", "1024, gradient_checkpointing: yes}"),
        "recipe.yaml:11: training.gradient_checkpointing: must be true or false, not 'yes'",
    ),
    "empty": (
        SMALL.replace("{batch_tokens: 1024}", ""),
        "recipe.yaml:11: training: is empty\n  Write a value, or leave the key out.",
    ),
    "list for a mapping": (
        SMALL + "arms: [1]\n",
        "recipe.yaml:12: arms: must be a mapping of names to values, not [1]",
    ),
    "no entry": (
        SMALL.replace("128", "128\n  phases: []"),
        "recipe.yaml:11: order.phases: must have at least 1 entry",
    ),
    "too many entries": (
        SMALL.replace("1024}", "1024, betas: [0.9, 0.9, 0.9]}"),
        "recipe.yaml:11: training.betas: must have at most 2 entries",
    ),
    "both budgets": (
        SMALL.replace("128", "128\n  phases:\n    - {tokens: 1M, epochs: 2}"),
        "recipe.yaml:12: order.phases[0]: give a phase either tokens or epochs",
    ),
    "shares": (
        SMALL.replace(
            "128",
            "128\n  phases:\n    - epochs: 1\n      "
            "mixture: {type: shares, shares: {web: 1, x: y}}",
        ),
        "recipe.yaml:13: order.phases[0].mixture.shares.x: must be a number, not 'y'",
    ),
    "a path in a list": (
        SMALL.replace("path: web.jsonl", "path: [a, 3]"),
        (
            "recipe.yaml:8: sources.web.path[1]: must be text, not 3\n"
            "  Put it in quotes to make it text."
        ),
    ),
    "twice": (
        SMALL + "name: again\n",
        "recipe.yaml:12: name: the key is written twice, first in line 1\n  Keep one of the two.",
    ),
    "twice below": (
        SMALL.replace("    role: domain\n", "    role: domain\n    role: general\n"),
        (
            "recipe.yaml:6: sources.pubmed.role: the key is written twice, first in line 5\n"
            "  Keep one of the two."
        ),
    ),
    "syntax": (
        "name: [1\nmodel: 2\n",
        (
            "recipe.yaml:2: this is not YAML: expected ',' or ']', but got ':' "
            "(while parsing a flow sequence that begins in line 1)"
        ),
    ),
    "tab": (
        "a:\n\tb: 1\n",
        "recipe.yaml:2: a tab stands where only spaces may\n  Indent with spaces.",
    ),
    "two documents": (
        "a: 1\n---\nb: 1\n",
        "recipe.yaml:2: a second document begins here\n  Keep one '---' at most.",
    ),
    "tag": (
        "name: !!python/name:os.system x\n",
        "recipe.yaml:1: the tag !!python/name:os.system is not used in recipes\n  Delete it.",
    ),
    "tag on a mapping": (
        "name: !thing {}\n",
        "recipe.yaml:1: the tag !thing is not used in recipes\n  Delete it.",
    ),
    "itself": ("name: &a [*a]\n", "recipe.yaml:1: a part contains itself"),
    "key": ("? [1]\n: 2\n", "recipe.yaml:1: a key must be a word"),
    "merge": ("<<: 3\n", "recipe.yaml:1: '<<' takes a mapping"),
    "number tag": ("name: !!int x\n", "recipe.yaml:1: 'x' is not a number"),
    "control character": (
        "name: a\nb: \x01\n",
        "recipe.yaml:2: the character U+0001 is not allowed in YAML\n  Delete it.",
    ),
    "deep": ("[" * 600, "recipe.yaml: the file is nested too deeply"),
    "nothing": (
        "# only a comment\n",
        "recipe.yaml: the file is empty\n  `gapless init DIR` writes one.",
    ),
    "list": ("[1]\n", "recipe.yaml: a recipe is a mapping of settings, not [1]"),
}


@pytest.mark.parametrize(("text", "expected"), FILES.values(), ids=FILES)
def test_a_mistake_says_where_what_and_the_mend(text: str, expected: str, tmp_path: Path) -> None:
    assert message(write(tmp_path, text)) == expected


def test_a_misspelt_required_key_is_one_mistake(tmp_path: Path) -> None:
    assert message(write(tmp_path, SMALL.replace("model:", "modle:"))) == (
        "recipe.yaml:2: modle: there is no such setting\n  Did you mean 'model'?"
    )


def test_several_mistakes_come_in_one_message_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = SMALL.replace("1024}", "true}").replace("128", "1").replace("name: small", "name: 3")
    assert message(write(tmp_path, text)) == (
        "recipe.yaml: 3 mistakes\n"
        "  recipe.yaml:1: name: must be text, not 3. Put it in quotes to make it text.\n"
        "  recipe.yaml:10: order.context: must be at least 2, not 1.\n"
        "  recipe.yaml:11: training.batch_tokens: must be a number, not true."
    )


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "the file has more than 100000 entries" in message(write(tmp_path, "\n".join(lines)))


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(RecipeError, match=r"there is no such file\n  Did you mean '.*recipe.yaml'"):
        load(tmp_path / "recip.yaml")
    with pytest.raises(RecipeError, match="this is a folder, not a recipe"):
        load(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: a\nx: \xe9\n")
    with pytest.raises(RecipeError, match=r"latin.yaml:2: the text is not UTF-8"):
        load(tmp_path / "latin.yaml")


def test_plain_data_decodes_and_its_mistakes_name_it() -> None:
    tree = {
        "name": "x",
        "model": {"type": "pretrained", "path": "base"},
        "sources": {"a": {"role": "domain", "path": "a"}},
    }
    assert isinstance(decode(tree), Recipe)
    with pytest.raises(RecipeError) as caught:
        decode({**tree, "seeed": 1}, where="tree")
    assert str(caught.value) == "tree: seeed: there is no such setting\n  Did you mean 'seed'?"
