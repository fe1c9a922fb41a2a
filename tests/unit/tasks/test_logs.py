"""Logs are one JSON object a line, carry what is bound, and keep secrets to themselves."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.logs import bind, configure_logging, redact

pytestmark = pytest.mark.security("S-15")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging("INFO", "json", stream=out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_values_are_fields_and_bound_ones_come_along(stream: io.StringIO) -> None:
    with bind(job_id="j1"), bind(step="probe"):
        logging.getLogger("x").info("step succeeded", extra={"elapsed_s": 1.5})
    logging.getLogger("x").info("idle")

    first, second = lines(stream)
    assert {k: first[k] for k in ("level", "message", "job_id", "step", "elapsed_s")} == {
        "level": "INFO",
        "message": "step succeeded",
        "job_id": "j1",
        "step": "probe",
        "elapsed_s": 1.5,
    }
    assert "job_id" not in second


def test_traceback_stays_within_its_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("broken\nby a line")
    except ValueError as error:
        logging.getLogger("x").error("failed", exc_info=error)

    [entry] = lines(stream)
    assert "ValueError: broken" in str(entry["traceback"])


def test_secrets_of_the_environment_never_appear(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "s3cr3t-callback-value-of-32-bytes-or-more"
    monkeypatch.setenv("REELYARD_CALLBACK_SECRET", secret)

    logging.getLogger("x").info("sent %s", secret, extra={"header": f"k={secret}", "nested": {"a": [secret]}})

    assert secret not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://s3.example/b/k?X-Amz-Signature=abc&x=1 done", "GET https://s3.example/b/k?*** done"),
        ("redis://:pass@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://user:pa55@db/x", "postgresql://user:***@db/x"),
        ("Authorization: Bearer eyJhbGciOi.J9.abc", "Authorization: Bearer ***"),
        ("line\r\nforged", "line\\r\\nforged"),
        ("\x1b[31mred", "\\x1b[31mred"),
    ],
)
def test_redaction(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_fields_named_like_secrets_are_hidden(stream: io.StringIO) -> None:
    logging.getLogger("x").info("signed in", extra={"password": "hunter2", "body": {"access_token": "abc", "id": 1}})

    [entry] = lines(stream)
    assert entry["password"] == "***"
    assert entry["body"] == {"access_token": "***", "id": 1}


@given(st.text(max_size=200))
def test_any_text_is_one_valid_line(text: str) -> None:
    out = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("INFO", "json", stream=out)
    try:
        logging.getLogger("x").info("got", extra={"text": text})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    written = out.getvalue()
    assert written.count("\n") == 1
    assert json.loads(written)["message"] == "got"


def test_pretty_format_is_for_people() -> None:
    out = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("INFO", "pretty", stream=out)
    try:
        logging.getLogger("x").warning("step failed", extra={"code": "media.empty"})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    assert out.getvalue().endswith("WARNING step failed  code=media.empty\n")
