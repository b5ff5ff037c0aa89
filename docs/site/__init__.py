"""The site's maker: ``python docs/site`` stages the pages of ``docs`` and renders them.

    docs/**.md ----------> build/docs ---mkdocs---> build/site
    recipes, command line,    ^
    Python names -------------'   written where a page says <!-- made: NAME -->

To add a generated part: a module with ``lines() -> list[str]`` beside this file, and a line in
``MADE`` of ``staging.py``.
"""
