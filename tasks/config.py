"""Settings of a worker process (CPU worker or render node), read once at start."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tasks.environment import read_environment
from tasks.errors import ConfigurationError
from tasks.inner_tls import find_plain_ways

STORAGE_VARIABLES = {
    "storage_type": "REELYARD_STORAGE_TYPE",
    "s3_bucket": "REELYARD_S3_BUCKET",
    "s3_endpoint_url": "S3_ENDPOINT_URL",
    "s3_public_url": "REELYARD_S3_PUBLIC_URL",
    "s3_access_key": "AWS_ACCESS_KEY_ID",
    "s3_secret_key": "AWS_SECRET_ACCESS_KEY",
    "s3_region": "AWS_REGION",
    "cdn_url": "REELYARD_CDN_URL",
    "presign_s": "REELYARD_PRESIGN_S",
}


@dataclass(frozen=True)
class StorageSettings:
    """What it takes to reach the object storage."""

    storage_type: str
    s3_bucket: str
    s3_endpoint_url: str
    s3_public_url: str
    s3_access_key: str
    s3_secret_key: str = field(repr=False)
    s3_region: str
    cdn_url: str = ""
    presign_s: int = 900


_WORKER_VARIABLES = {
    "redis_url": "REDIS_URL",
    "api_url": "REELYARD_API_URL",
    "tls_inside": "REELYARD_TLS_INSIDE",
    "callback_secret": "REELYARD_CALLBACK_SECRET",
    "node_name": "REELYARD_NODE_NAME",
    "nice": "REELYARD_NICE",
    "scratch_dir": "REELYARD_SCRATCH_DIR",
    "source_cache_bytes": "REELYARD_SOURCE_CACHE_BYTES",
    "sandbox": "REELYARD_SANDBOX",
    "max_media_s": "REELYARD_MAX_MEDIA_S",
    "max_pixels": "REELYARD_MAX_PIXELS",
    "speech_engine": "REELYARD_SPEECH_ENGINE",
    "whisper_model": "REELYARD_WHISPER_MODEL",
    "model_dir": "REELYARD_MODEL_DIR",
    "model_download": "REELYARD_MODEL_DOWNLOAD",
    "whisper_device": "REELYARD_WHISPER_DEVICE",
    "whisper_compute": "REELYARD_WHISPER_COMPUTE",
    "whisper_batch": "REELYARD_WHISPER_BATCH",
    "whisper_threads": "REELYARD_WHISPER_THREADS",
    "diarization_model": "REELYARD_DIARIZATION_MODEL",
    "music_engine": "REELYARD_MUSIC_ENGINE",
    "max_music_s": "REELYARD_MAX_MUSIC_S",
    "genre_model": "REELYARD_GENRE_MODEL",
    "replicate_token": "REPLICATE_API_TOKEN",
    "replicate_url": "REPLICATE_API_URL",
    "judge_url": "REELYARD_JUDGE_URL",
    "judge_model": "REELYARD_JUDGE_MODEL",
    "judge_key": "REELYARD_JUDGE_KEY",
    "translate_url": "REELYARD_TRANSLATE_URL",
    "translate_key": "REELYARD_TRANSLATE_KEY",
    "webhook_inside": "REELYARD_WEBHOOK_INSIDE",
    "fetch_proxy": "REELYARD_FETCH_PROXY",
    "link_extractors": "REELYARD_LINK_EXTRACTORS",
    "link_inside": "REELYARD_LINK_INSIDE",
    "rapidapi_url": "REELYARD_RAPIDAPI_URL",
    "rapidapi_key": "RAPIDAPI_KEY",
    "youtube_url": "REELYARD_YOUTUBE_URL",
    "google_token_url": "REELYARD_GOOGLE_TOKEN_URL",
    "youtube_client": "REELYARD_YOUTUBE_CLIENT",
    "tiktok_url": "REELYARD_TIKTOK_URL",
    "tiktok_client": "REELYARD_TIKTOK_CLIENT",
    "instagram_url": "REELYARD_INSTAGRAM_URL",
    "chromium": "REELYARD_CHROMIUM",
    "encoder": "REELYARD_ENCODER",
    "decoder": "REELYARD_DECODER",
    "gpu": "REELYARD_GPU",
    "nvenc_sessions": "REELYARD_NVENC_SESSIONS",
    "lock_dir": "REELYARD_LOCK_DIR",
    "encoder_threads": "REELYARD_ENCODER_THREADS",
    "log_level": "REELYARD_LOG_LEVEL",
    "log_format": "REELYARD_LOG_FORMAT",
}


@dataclass(frozen=True)
class WorkerSettings:
    """Everything a worker needs; it holds no database credentials."""

    storage: StorageSettings
    redis_url: str = field(repr=False)
    api_url: str
    tls_inside: bool
    callback_secret: str = field(repr=False)
    node_name: str
    nice: int
    scratch_dir: str
    source_cache_bytes: int
    sandbox: str
    max_media_s: float
    max_pixels: int
    speech_engine: str
    whisper_model: str
    model_dir: str
    model_download: bool
    whisper_device: str
    whisper_compute: str
    whisper_batch: int
    whisper_threads: int
    diarization_model: str
    music_engine: str
    max_music_s: float
    genre_model: str
    replicate_token: str = field(repr=False)
    replicate_url: str
    judge_url: str
    judge_model: str
    judge_key: str = field(repr=False)
    translate_url: str
    translate_key: str = field(repr=False)
    webhook_inside: bool
    fetch_proxy: str
    link_extractors: tuple[str, ...]
    link_inside: bool
    rapidapi_url: str
    rapidapi_key: str = field(repr=False)
    youtube_url: str
    google_token_url: str
    youtube_client: str = field(repr=False)
    tiktok_url: str
    tiktok_client: str = field(repr=False)
    instagram_url: str
    chromium: str
    encoder: str
    decoder: str
    gpu: int
    nvenc_sessions: int
    lock_dir: str
    encoder_threads: int
    log_level: str
    log_format: str


def read_worker_settings(environ: Mapping[str, str]) -> WorkerSettings:
    """Build the settings or raise ConfigurationError with every problem."""
    names = tuple(_WORKER_VARIABLES.values()) + tuple(STORAGE_VARIABLES.values())
    values = read_environment(environ, names)
    fields = pick(values, _WORKER_VARIABLES)
    fields["node_name"] = fields["node_name"] or socket.gethostname()
    settings = WorkerSettings(storage=StorageSettings(**pick(values, STORAGE_VARIABLES)), **fields)
    ways = {name: values[name] for name in ("REDIS_URL", "S3_ENDPOINT_URL", "REELYARD_API_URL")}
    plain = find_plain_ways(ways) if settings.tls_inside else []
    if plain:
        raise ConfigurationError("config.invalid", "\n".join(plain))
    return settings


def read_storage_settings(environ: Mapping[str, str]) -> StorageSettings:
    """Build the settings of the storage alone, or raise ConfigurationError with every problem."""
    return StorageSettings(**pick(read_environment(environ, tuple(STORAGE_VARIABLES.values())), STORAGE_VARIABLES))


def pick(values: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Map settings fields to the values of their environment variables."""
    return {field: values[name] for field, name in variables.items()}


@lru_cache(maxsize=1)
def worker_settings() -> WorkerSettings:
    """Return this process's settings, read from the environment on first use."""
    return read_worker_settings(os.environ)
