"""The command line: verbs, progress, tables. It does no work itself.

    main.py      the verbs and their options     failures.py   what a user sees when one fails
    render.py    answers as tables and trees     progress.py   a run while it goes on
    watch.py     a run seen from beside          live_view.py  its screen; braille.py, its curves

To add a verb: one function in `main.py` that calls `gapless.workflow.verbs`, one in `render.py`.
"""
