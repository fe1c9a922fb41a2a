"""What a WSGI server runs: ``gunicorn -c python:api.gunicorn api.wsgi:app``."""

from __future__ import annotations

from api import create_app
from api.config import read_api_settings
from tasks.logs import configure_logging

settings = read_api_settings()
configure_logging(settings.log_level, settings.log_format)
app = create_app(settings)
