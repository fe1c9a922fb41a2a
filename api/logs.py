"""Log lines of the API: those of every process, with the request, the user and the job they belong to."""

from __future__ import annotations

import logging

from flask import g, has_request_context

from api.config import ApiSettings
from tasks.logs import configure_logging


class RequestFields(logging.Filter):
    """Adds request_id, user_id and job_id to what is logged while a request is answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields; let every record through."""
        if has_request_context():
            for name in ("request_id", "user_id", "job_id"):
                if g.get(name) is not None and not hasattr(record, name):
                    setattr(record, name, str(g.get(name)))
        return True


def configure_api_logging(settings: ApiSettings) -> None:
    """Set up the root logger as the settings ask."""
    configure_logging(settings.log_level, settings.log_format)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RequestFields())
