from pathlib import Path

import pytest

from gapless.recipe import load

from .test_recipe_files import message, write

PHASE = "order.phases.0={epochs: 1, mixture: %s}"
FEEDBACK = (
    "order.phases.0={epochs: 1, mixture: "
    "{type: topic_feedback, start: {type: domain_only}, interval: 1k, sources: %s}}"
)
CHECKS = {
    "bf16 weights multiplied in fp32": (
        ["training.weights=bf16", "training.precision=fp32"],
        (
            "training.weights: weights that are kept in bf16 cannot be multiplied in fp32\n"
            "  Take precision: auto, or weights: fp32."
        ),
    ),
    "a pull that bf16 weights would lose": (
        ["training.weights=bf16", "training.pull=30"],
        (
            "training.pull: pull takes small steps, which weights in bf16 would lose\n"
            "  Take weights: fp32, or leave it out."
        ),
    ),
    "an average that bf16 weights would lose": (
        ["training.weights=bf16", "training.average={type: ema, decay: 0.9}"],
        (
            "training.average: average takes small steps, which weights in bf16 would lose\n"
            "  Take weights: fp32, or leave it out."
        ),
    ),
    "adapters in fp8": (
        ["training.precision=fp8", "training.method={type: lora}"],
        (
            "training.precision: adapters are too small to be multiplied in fp8\n"
            "  Take precision: bf16, or another method."
        ),
    ),
    "rows that fp8 cannot take": (
        [
            "training.precision=fp8",
            "order.context=40",
            "training.batch_tokens=400",
            "training.micro_batch_tokens=null",
        ],
        (
            "order.context: fp8 takes rows of a multiple of 16 tokens\n"
            "  Take precision: bf16, or another context."
        ),
    ),
    "gradients of text that nothing is held out of": (
        ["training.watch.gradients=true", "sources.pubmed.held_out=0"],
        (
            "training.watch.gradients: no domain source has held-out text whose gradient could be "
            "looked at\n  Give a domain source 'held_out: 2%', or take the setting out."
        ),
    ),
    "no domain source": (
        ["sources.pubmed.role=general"],
        (
            "sources: there is no domain source\n"
            "  Give one source 'role: domain': what the model is to learn."
        ),
    ),
    "selection of no source": (
        ["selection.pubmet={type: random, tokens: 1}"],
        "selection.pubmet: there is no trained source 'pubmet'\n  Did you mean 'pubmed'?",
    ),
    "quotas by no score": (
        [
            "selection.pubmed={type: random, tokens: 1, quotas: {column: topik, shares: {a: 1}}}",
            "scores={topic: {type: language}}",
        ],
        (
            "selection.pubmed.quotas.column: source 'pubmed' has no score 'topik'\n"
            "  Did you mean 'topic'?"
        ),
    ),
    "two columns of one name": (
        ["scores={lang: {type: language}, lang_confidence: {type: length}}"],
        (
            "scores.lang_confidence: there is a column 'lang_confidence' already\n"
            "  Choose another name."
        ),
    ),
    "precedence of no source": (
        ["deduplication.precedence=[pubmet]"],
        (
            "deduplication.precedence[0]: there is no trained source 'pubmet'\n"
            "  Did you mean 'pubmed'?"
        ),
    ),
    "reference that scores itself": (
        ["scores={q: {type: ngram_perplexity, reference: [pubmed]}}"],
        (
            "scores.q.reference[0]: 'pubmed' would be scored by a model that was trained on it\n"
            "  Give it 'role: reference', or name the others in the score's `sources`."
        ),
    ),
    "topic without labels": (
        ["scores={t: {type: topic}}"],
        (
            "scores.t: a topic classifier learns from labels: a file of them, or an annotator's\n"
            "  Give either `labels` or `annotator`."
        ),
    ),
    "selection by no score": (
        ["selection.pubmed={type: score, column: perplexty, tokens: 1}"],
        (
            "selection.pubmed.column: source 'pubmed' has no score 'perplexty'\n"
            "  Did you mean 'perplexity'?"
        ),
    ),
    "selection without scores": (
        ["selection.web={type: score, column: q, tokens: 1}"],
        (
            "selection.web.column: source 'web' has no score 'q'\n"
            "  Compute it under `scores`, or name it in sources.web.scores."
        ),
    ),
    "share of no source": (
        [PHASE % "{type: shares, shares: {zzz: 1}}"],
        "order.phases[0].mixture.shares.zzz: there is no source 'zzz'\n  Sources: pubmed, web.",
    ),
    "replay like a domain source": (
        [PHASE % "{type: replay, general: 0.5, like: {pubmed: 1}}"],
        (
            "order.phases[0].mixture.like.pubmed: there is no general source 'pubmed'\n"
            "  General sources: web."
        ),
    ),
    "replay of nothing": (
        ["sources.web.role=domain", PHASE % "{type: replay, general: 0.5}"],
        (
            "order.phases[0].mixture: there is no general source to replay\n"
            "  Give one source 'role: general', or take 'type: domain_only'."
        ),
    ),
    "share of a label without strata": (
        [PHASE % "{type: shares, shares: {pubmed/law: 1}}"],
        (
            "order.phases[0].mixture.shares.pubmed/law: source 'pubmed' is not drawn by labels\n"
            "  Name its column in order.strata.pubmed."
        ),
    ),
    "strata by numbers": (
        ["scores={n: {type: length}}", "order.strata={web: n}"],
        (
            "order.strata.web: source 'web' has no column of labels 'n'\n"
            "  Compute one under `scores`, such as a topic."
        ),
    ),
    "group of no source": (
        [PHASE % "{type: groups, groups: {all: {weight: 1, sources: {wab: 1}}}}"],
        (
            "order.phases[0].mixture.groups.all.sources.wab: there is no source 'wab'\n"
            "  Did you mean 'web'?"
        ),
    ),
    "pretraining mixture kept by a domain source": (
        [
            PHASE
            % (
                "{type: pretraining_like, pretraining: {a: 1, b: 1}, replaced: [a], "
                "sources: {b: pubmed}}"
            )
        ],
        (
            "order.phases[0].mixture.sources.b: there is no general source 'pubmed'\n"
            "  General sources: web."
        ),
    ),
    "pretraining mixture with a gap": (
        [PHASE % "{type: pretraining_like, sources: {books: web}}"],
        (
            "order.phases[0].mixture: nothing stands for 'github': name it in replaced, sources "
            "or left_out"
        ),
    ),
    "feedback without its probe": (
        [
            "scores={kind: {type: language}}",
            "order.strata={web: kind}",
            FEEDBACK % "[web]",
        ],
        (
            "order.phases[0].mixture.sources[0]: the perplexity of 'web' is not "
            "measured by 'kind'\n"
            "  Add a probe {type: perplexity, by: kind} to probing.probes."
        ),
    ),
    "a weight of no topic": (
        [
            (FEEDBACK % "[web, pubmed]").replace("interval", "weights: {wob: 2}, interval"),
            "probing.probes=[{type: perplexity}]",
        ],
        ("order.phases[0].mixture.weights.wob: there is no source 'wob'\n  Did you mean 'web'?"),
    ),
    "feedback on one source": (
        [FEEDBACK % "[web]", "probing.probes=[{type: perplexity}]"],
        (
            "order.phases[0].mixture.sources: the share of 'web' has nothing to move against\n"
            "  Name two sources without labels, or its column of labels in order.strata."
        ),
    ),
    "curriculum by no score": (
        ["order.phases.0={epochs: 1, curriculum: {type: score, column: ppl, sources: [web]}}"],
        "order.phases[0].curriculum.column: source 'web' has no score 'ppl'",
    ),
    "curriculum by labels for numbers": (
        [
            "scores={kind: {type: language}}",
            "order.phases.0={epochs: 1, curriculum: {type: score, column: kind, sources: [web]}}",
        ],
        (
            "order.phases[0].curriculum.column: score 'kind' of 'web' does not hold numbers\n"
            "  Its scores: kind_confidence."
        ),
    ),
    "cycles across sources": (
        [
            "scores={n: {type: length}}",
            "order.phases.0={epochs: 1, curriculum: {type: interleaved, column: n, across: true}}",
        ],
        (
            "order.phases[0].curriculum.across: cycles are each source's own: they cannot go "
            "across sources\n  Take 'across: false', or another type."
        ),
    ),
    "changes out of order": (
        [
            (
                "order.changes=[{at: 9k, mixture: {type: domain_only}}, "
                "{at: 8k, mixture: {type: domain_only}}]"
            ),
        ],
        "order.changes: changes must come one after the other, by `at`",
    ),
    "shares do not sum": (
        [PHASE % "{type: shares, shares: {pubmed: 0.5, web: 0.4}}"],
        "order.phases[0].mixture.shares: the shares sum to 0.9; make them sum to 1",
    ),
    "batch and context": (
        ["training.batch_tokens=1000"],
        (
            "training.batch_tokens: 1000 is not a multiple of order.context (128)\n"
            "  The nearest is 1024."
        ),
    ),
    "micro batch and context": (
        ["training.micro_batch_tokens=0"],
        (
            "training.micro_batch_tokens: 0 is not a multiple of order.context (128)\n"
            "  The nearest is 128."
        ),
    ),
    "batch and micro batch": (
        ["training.micro_batch_tokens=384"],
        "training.micro_batch_tokens: batch_tokens (1024) is not a multiple of 384",
    ),
    "wsd": (
        ["training.schedule={type: wsd, warmup: 0.5, decay: 60%}"],
        "training.schedule: warmup (0.5) and decay (0.6) together are more than 1",
    ),
    "betas": (
        ["training.betas.1=1"],
        "training.betas[1]: must be at least 0 and below 1, not 1.0",
    ),
    "no probes": (
        ["probing.probes=[]"],
        "probing.probes: there is no probe; a run must measure its model\n  Leave 'probes' out.",
    ),
    "nothing held out": (
        ["sources.pubmed.held_out=0", "sources.web.held_out=0%"],
        (
            "probing.probes[0]: bits per byte needs held-out text, and no source has any\n"
            "  Give a source 'held_out: 2%', or write other probes."
        ),
    ),
    "loss twice": (
        ["probing.probes=[{type: bits_per_byte}, {type: bits_per_byte}]"],
        "probing.probes[1]: bits_per_byte stands twice\n  It measures every source.",
    ),
    "perplexity twice": (
        ["probing.probes=[{type: perplexity}, {type: perplexity}]"],
        "probing.probes[1]: perplexity stands twice\n  It measures every source.",
    ),
    "perplexity twice by a topic": (
        [
            "scores={kind: {type: language}}",
            "probing.probes=[{type: perplexity, by: kind}, {type: perplexity, by: kind}]",
        ],
        "probing.probes[1]: perplexity by 'kind' stands twice\n  It measures every source.",
    ),
    "perplexity by no column": (
        [
            "scores={topic: {type: language}}",
            "probing.probes=[{type: perplexity, by: topik}]",
        ],
        (
            "probing.probes[0].by: no source that holds text out has a column 'topik'\n"
            "  Did you mean 'topic'?"
        ),
    ),
    "perplexity by a column of what is not held out": (
        [
            "scores={topic: {type: language, sources: [web]}, kind: {type: language}}",
            "sources.web.held_out=0",
            "probing.probes=[{type: perplexity, by: topic}]",
        ],
        (
            "probing.probes[0].by: no source that holds text out has a column 'topic'\n"
            "  Columns of labels: kind."
        ),
    ),
    "perplexity by numbers": (
        ["probing.probes=[{type: perplexity, by: perplexity}]"],
        (
            "probing.probes[0].by: 'perplexity' is a column of numbers, not of labels\n"
            "  Compute labels under `scores`, such as a topic."
        ),
    ),
    "perplexity of nothing": (
        [
            "sources.pubmed.held_out=0",
            "sources.web.held_out=0%",
            "probing.probes=[{type: perplexity}]",
        ],
        (
            "probing.probes[0]: perplexity needs held-out text, and no source has any\n"
            "  Give a source 'held_out: 2%', or write other probes."
        ),
    ),
    "probe called like a source": (
        ["probing.probes=[{type: multiple_choice, name: web, path: x, role: general}]"],
        "probing.probes[0].name: 'web' is a source's name already\n  Measurements go by this name.",
    ),
}
WITH_LISTS = ["training.betas=[0.9, 0.95]", "probing.probes=[{type: bits_per_byte}]"]


@pytest.mark.parametrize(("overrides", "expected"), CHECKS.values(), ids=CHECKS)
def test_a_check_says_what_does_not_fit(
    overrides: list[str], expected: str, tmp_path: Path
) -> None:
    found = message(write(tmp_path), *WITH_LISTS, *overrides)
    assert found.endswith(": " + expected)


def test_two_probes_of_one_name_are_both_named(tmp_path: Path) -> None:
    probe = "{type: multiple_choice, name: exam, path: x, role: domain}"
    found = message(write(tmp_path), f"probing.probes=[{probe}, {probe}]")
    assert found.count("two probes are called 'exam'") == 2


def test_what_fits_is_let_pass(tmp_path: Path) -> None:
    overrides = [
        "selection.pubmed={type: score, column: perplexity, tokens: 5k}",
        PHASE % "{type: replay, general: 18%, like: {web: 3}}",
        "training.micro_batch_tokens=256",
        "training.schedule={type: wsd, warmup: 0.5, decay: 50%}",
        "probing.probes=[{type: multiple_choice, name: exam, path: x, role: domain}]",
        "sources.pubmed.held_out=0",
        "sources.web.held_out=0",
    ]
    assert load(write(tmp_path), overrides).training.micro_batch_tokens == 256


def test_perplexity_goes_by_every_kind_of_label(tmp_path: Path) -> None:
    scores = (
        "scores={tongue: {type: language, sources: [web]}, topic: {type: topic, labels: l.jsonl}, "
        "mine: {type: function, path: f.py, returns: labels}}"
    )
    by = ("tongue", "topic", "mine")
    probes = ", ".join(f"{{type: perplexity, by: {column}}}" for column in by)
    recipe = load(write(tmp_path), [scores, f"probing.probes=[{{type: perplexity}}, {probes}]"])
    found = [getattr(probe, "by", "") for probe in recipe.probing.probes]
    assert found == [None, *by]
