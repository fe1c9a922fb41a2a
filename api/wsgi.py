"""What a WSGI server runs: ``gunicorn -c python:api.gunicorn api.wsgi:app``."""

from __future__ import annotations

from api import create_app
from api.config import read_api_settings
from api.logs import configure_api_logging

settings = read_api_settings()
configure_api_logging(settings)
app = create_app(settings)
