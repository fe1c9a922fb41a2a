"""The database, the storage and Redis as one process sees them."""

from __future__ import annotations

from typing import Any, cast

import redis
from flask import Flask, current_app
from flask_smorest import Api
from flask_sqlalchemy import SQLAlchemy
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from api.config import ApiSettings
from api.errors import ErrorResponse
from tasks.storage.base import Storage
from tasks.storage.s3 import S3Storage

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


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
    """flask-smorest that documents our error form instead of its own."""

    ERROR_SCHEMA = ErrorResponse


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
        extensions["storage"] = S3Storage(get_settings().storage)
    return cast(Storage, extensions["storage"])


def get_redis() -> redis.Redis:
    """Return a Redis client with short timeouts: Redis is a hint here, never worth a wait."""
    extensions = current_app.extensions
    if "redis-client" not in extensions:
        extensions["redis-client"] = redis.Redis.from_url(
            get_settings().redis_url, **REDIS_OPTIONS, health_check_interval=15
        )
    return cast(redis.Redis, extensions["redis-client"])
