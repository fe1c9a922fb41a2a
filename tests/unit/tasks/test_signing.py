"""S-7: a signature fits one call and no other, to the bit and to the second."""

from __future__ import annotations

import random

import pytest

from tasks.contracts.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, TOLERANCE_S, sign, verify
from tasks.errors import PermanentError

pytestmark = pytest.mark.security("S-7")
SECRET, PATH, NOW = "a secret of more than thirty-two bytes", "/api/internal/steps/finish", 1_790_000_000
BODY = bytes(range(32, 127)) * 20


def check(body: bytes, signature: str, *, stamp: str = str(NOW), now: float = NOW) -> str:
    """Return the code of the refusal, empty when the call is genuine."""
    try:
        verify(SECRET, "POST", PATH, {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: signature}, body, now=now)
    except PermanentError as error:
        return error.code
    return ""


def test_two_thousand_single_bits_are_each_noticed() -> None:
    good = sign(SECRET, "POST", PATH, str(NOW), BODY)
    assert check(BODY, good) == ""
    chance, accepted = random.Random(7), []

    for _ in range(2000):
        body, signature = bytearray(BODY), bytearray(good.encode())
        text = body if chance.random() < 0.7 else signature
        text[chance.randrange(len(text))] ^= 1 << chance.randrange(7)
        if check(bytes(body), signature.decode()) != "callback.bad_signature":
            accepted.append((bytes(body), bytes(signature)))

    assert accepted == []


@pytest.mark.parametrize(
    ("age_s", "code"),
    [(0, ""), (TOLERANCE_S, ""), (TOLERANCE_S + 1, "callback.expired"), (-TOLERANCE_S - 1, "callback.expired")],
)
def test_a_call_is_good_for_five_minutes(age_s: int, code: str) -> None:
    assert check(BODY, sign(SECRET, "POST", PATH, str(NOW), BODY), now=NOW + age_s) == code


def test_the_form_is_what_workers_of_every_version_send() -> None:
    known = "1d57a56a99d47f5c576615d53885933b289816a08b67577518945df24f7781f4"

    assert sign("key", "post", "/a", "1", b"{}") == known
