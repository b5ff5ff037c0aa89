"""The report's sections: each file turns its part of the content into a `Section`.

`table.py` lists them in their order on the page.
"""
