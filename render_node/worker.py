"""Entry point of a render node: ``celery -A render_node.worker worker -Q render -c 1``."""

from __future__ import annotations

from tasks.app import make_celery

app = make_celery("render")

import render_node.tasks  # noqa: E402, F401  registers the bodies on the application above
