"""The workflow: the only room that knows every verb.

    recipe --tree.py--> stages, each with a fingerprint --run.py--> artifacts, report
                             `--plan.py--> what it would cost

    stage.py      a node of the tree          run_folder.py  the folder, its lock, its recipe
    data.py       documents, tokens, probes   arm.py         base, order, training
    base_model.py where every arm starts
    results.py    analysis and report         verbs.py       what the CLI and the library call

A stage's fingerprint is the hash of its version, its part of the recipe and its inputs'
fingerprints; so what is missing is known before anything is done.
"""
