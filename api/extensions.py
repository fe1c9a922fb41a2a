"""The database, the storage and Redis as one process sees them."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, cast

import redis
from flask import Flask, current_app
from flask_smorest import Api, Blueprint
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from api.config import ApiSettings
from api.errors import ErrorResponse
from tasks.storage.base import Storage
from tasks.storage.connection import REQUEST
from tasks.storage.s3 import S3Storage

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


Schema.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined]
"""flask-smorest copies what it knows of an operation at each decorator; a schema never changes, and copying is slow."""


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)


REDIS_OPTIONS: dict[str, Any] = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "retry": Retry(NoBackoff(), 1),
}
"""For clients that requests wait for: redis-py's own default tries four times with pauses of up to seconds."""

db = SQLAlchemy(model_class=Base, disable_autonaming=True)


class ErrorFormApi(Api):
    """flask-smorest that documents our error form instead of its own, and only once somebody asks.

    Describing every operation is a third of what the start of a process costs, and few processes are ever asked.
    """

    ERROR_SCHEMA = ErrorResponse

    def __init__(self) -> None:
        self._undescribed: list[Callable[[], None]] = []
        self._describing = RLock()
        super().__init__()

    @property
    def spec(self) -> Any:
        """The document, with every operation registered so far."""
        with self._describing:
            waiting, self._undescribed = self._undescribed, []
            for describe in waiting:
                describe()
            return self._spec

    @spec.setter
    def spec(self, spec: Any) -> None:
        self._spec = spec

    def register_blueprint(self, blp: Blueprint, *, parameters: list[Any] | None = None, **options: Any) -> None:
        """Attach routes; their description is collected later."""
        name = options.get("name", blp.name)
        self._app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        self._app.register_blueprint(blp, **options)

        def describe() -> None:
            blp.register_views_in_doc(self, self._app, self._spec, name=name, parameters=parameters)
            self._spec.tag({"name": name, "description": blp.description})

        self._undescribed.append(describe)

    def describe_last(self, describe: Callable[[], None]) -> None:
        """Have something said of what is registered by now; it is called when the document is asked for."""
        self._undescribed.append(describe)


def get_smorest(app: Flask) -> ErrorFormApi:
    """Return what collects an application's operations into its OpenAPI document; each application has its own."""
    if "openapi" not in app.extensions:
        app.extensions["openapi"] = ErrorFormApi()
    return cast(ErrorFormApi, app.extensions["openapi"])


def get_settings() -> ApiSettings:
    """Return the settings of the current application."""
    return cast(ApiSettings, current_app.extensions["settings"])


def get_storage() -> Storage:
    """Return the object storage of the current application."""
    extensions = current_app.extensions
    if "storage" not in extensions:
        extensions["storage"] = S3Storage(get_settings().storage, patience=REQUEST)
    return cast(Storage, extensions["storage"])


def get_redis() -> redis.Redis:
    """Return a Redis client with short timeouts: Redis is a hint here, never worth a wait."""
    extensions = current_app.extensions
    if "redis-client" not in extensions:
        extensions["redis-client"] = redis.Redis.from_url(
            get_settings().redis_url, **REDIS_OPTIONS, health_check_interval=15
        )
    return cast(redis.Redis, extensions["redis-client"])
