"""Structured logs of every process: constant messages, values as fields, secrets never (ring 1).

JSON lines where a machine reads them, coloured columns on a terminal. :func:`bind` attaches fields (job, step,
attempt) to everything that is logged within its block, in this thread and in the ones started with its context.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from tasks import tracing
from tasks.environment import VARIABLES, read_environment

_bound: ContextVar[dict[str, Any]] = ContextVar("reelyard_log_fields", default={})  # noqa: B039 - never mutated
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_URL_QUERY = re.compile(r"(\bhttps?://[^\s\"'<>?#]+)\?[^\s\"'<>]*")
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}")
_SECRET_FIELD = re.compile(r"(?i)(secret|password|passwd|authorization|api_key|access_key|refresh_token|access_token)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_COLOURS = {"DEBUG": "\x1b[2m", "INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[41m"}


_LIBRARIES = ("botocore", "boto3", "urllib3", "httpx", "httpcore", "s3transfer", "libav", "faster_whisper", "kombu")
# What Celery says of each message, the attempt itself says better.
_NOISY = (*_LIBRARIES, "celery.app.trace", "celery.worker.strategy")


@contextmanager
def bind(**fields: Any) -> Iterator[None]:
    """Attach fields to every record logged inside the block."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def configure_from_environment() -> None:
    """Set up the root logger as REELYARD_LOG_LEVEL and REELYARD_LOG_FORMAT ask."""
    values = read_environment(os.environ, ("REELYARD_LOG_LEVEL", "REELYARD_LOG_FORMAT"))
    configure_logging(values["REELYARD_LOG_LEVEL"], values["REELYARD_LOG_FORMAT"])


def configure_logging(level: str = "INFO", style: str = "auto", *, stream: TextIO | None = None) -> None:
    """Replace the root logger's handlers with one of ours.

    :param style: ``json``, ``pretty`` or ``auto``: pretty on a terminal.
    """
    target = stream or sys.stderr
    pretty = style == "pretty" or (style == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(PrettyFormatter(colour=target.isatty()) if pretty else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


class JsonFormatter(logging.Formatter):
    """One valid JSON object a line, whatever the values hold."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        return json.dumps(record_fields(record), ensure_ascii=False, default=str)


class PrettyFormatter(logging.Formatter):
    """Time, level, message and fields in columns for a person."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, with its traceback under it."""
        fields = record_fields(record)
        moment, level, message = fields.pop("time"), fields.pop("level"), fields.pop("message")
        trace = fields.pop("traceback", "")
        fields.pop("logger")
        tail = " ".join(f"{name}={value}" for name, value in fields.items())
        shown = f"{_COLOURS.get(level, '')}{level:<7}\x1b[0m" if self._colour else f"{level:<7}"
        return f"{moment[11:23]} {shown} {message}" + (f"  {tail}" if tail else "") + (f"\n{trace}" if trace else "")


def record_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record says: time, level, logger, message, bound fields, its own fields, the traceback."""
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": redact(record.getMessage()),
    }
    own = {name: value for name, value in vars(record).items() if name not in _STANDARD and not name.startswith("_")}
    trace_id = tracing.current_trace_id()
    traced = {"trace_id": trace_id} if trace_id else {}
    for name, value in {**_bound.get(), **traced, **own}.items():
        fields.setdefault(name, "***" if _SECRET_FIELD.search(name) else _clean(value))
    if record.exc_info and record.exc_info[0]:
        fields["traceback"] = redact("".join(traceback.format_exception(*record.exc_info)), keep_lines=True)
    return fields


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {str(k): "***" if _SECRET_FIELD.search(str(k)) else _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return redact(str(value))


def redact(text: str, *, keep_lines: bool = False) -> str:
    """Hide secrets of the environment, URL queries (presigned signatures) and passwords; escape control characters."""
    for secret in _secret_values():
        text = text.replace(secret, "***")
    text = _URL_PASSWORD.sub(r"\1:***@", _URL_QUERY.sub(r"\1?***", text))
    text = _BEARER.sub(r"\1 ***", text)
    text = _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)
    return text if keep_lines else text.replace("\n", "\\n")


def _secret_values() -> list[str]:
    secrets = (os.environ.get(name, "") for name, variable in VARIABLES.items() if variable.secret)
    return [value for value in secrets if len(value) >= 8]
