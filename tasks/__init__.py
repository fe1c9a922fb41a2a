"""The kernel shared by the API, the CPU workers and the render node, and the CPU task bodies.

Rings, from the inside out (``docs/architecture.rst``; checked by import-linter):

* ring 0: ``names errors environment contracts scenario``: standard library and the schema library only;
* ring 1: ``app base client progress config fonts storage workflows``: may add celery, redis, boto3, fontTools;
* ring 2: ``media``: may add ``av`` and numpy;
* ring 3: the bodies ``ingest speech``: may add their one heavy library.
"""
