"""Documenting the error answers of an operation in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask_smorest import Blueprint

from api.errors import ErrorResponse

F = TypeVar("F", bound=Callable[..., object])


UNAUTHENTICATED = {401: "auth.missing_token, auth.bad_token, auth.expired_token, auth.revoked_token"}


def problems(blueprint: Blueprint, codes: dict[int, str]) -> Callable[[F], F]:
    """Document error answers by status, and that of a caller who is not signed in; codes come first."""

    def decorate(view: F) -> F:
        for status, description in {**UNAUTHENTICATED, **codes}.items():
            view = blueprint.alt_response(status, schema=ErrorResponse, description=description)(view)
        return view

    return decorate
