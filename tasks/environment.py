"""Every environment variable of the system in one table, and the strict reader over it (ring 0).

Settings objects (``tasks.config``, ``api.config``) pick variables from this table by name. Reading collects every
problem and raises one :class:`~tasks.errors.ConfigurationError`; an unknown ``REELYARD_*`` variable is a problem too,
since it is nearly always a typing mistake. ``docs/configuration.rst`` is generated from this table.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from tasks.contracts.samples import LINK_EXTRACTORS
from tasks.errors import ConfigurationError
from tasks.values import (
    Variable,
    choice,
    decibels,
    dollars,
    flag,
    integer,
    numbers,
    seconds,
    secret_text,
    text,
    url,
    words,
)

PREFIX = "REELYARD_"
STORAGE_TYPES = ("aws", "minio", "r2", "gcs", "tigris", "seaweedfs")

_TABLE = (
    # Services, by their conventional names
    Variable(
        "DATABASE_URL",
        url("postgresql"),
        "PostgreSQL, the record of everything; only the API side has it",
        required=True,
        secret=True,
    ),
    Variable(
        "REDIS_URL",
        url("redis", "rediss", "unix"),
        "Redis or Valkey: broker, progress hints, rate limits",
        required=True,
        secret=True,
    ),
    Variable("AWS_ACCESS_KEY_ID", text, "Access key of the object storage", required=True),
    Variable("AWS_SECRET_ACCESS_KEY", text, "Secret key of the object storage", required=True, secret=True),
    Variable("AWS_REGION", text, "Region of the object storage", default="us-east-1"),
    Variable("S3_ENDPOINT_URL", url("http", "https"), "Endpoint of the object storage; unset means AWS", default=""),
    # Storage
    Variable(
        "REELYARD_STORAGE_TYPE", choice(*STORAGE_TYPES), "Which S3 dialect the endpoint speaks", default="seaweedfs"
    ),
    Variable("REELYARD_S3_BUCKET", text, "Bucket that holds every asset and result", default="reelyard"),
    Variable(
        "REELYARD_S3_PUBLIC_URL",
        url("http", "https"),
        "Endpoint that clients reach, when it differs from S3_ENDPOINT_URL",
        default="",
    ),
    Variable(
        "REELYARD_CDN_URL",
        url("http", "https"),
        "Base of public URLs through a CDN; unset means presigned only",
        default="",
    ),
    # API
    Variable(
        "REELYARD_ENV", choice("production", "local", "test"), "production refuses weak settings", default="production"
    ),
    Variable(
        "REELYARD_PUBLIC_URL", url("http", "https"), "Where clients reach the API", default="http://127.0.0.1:8000"
    ),
    Variable("REELYARD_JWT_SECRET", secret_text, "Signs access and refresh tokens", required=True, secret=True),
    Variable("REELYARD_CALLBACK_SECRET", secret_text, "Signs worker callbacks", required=True, secret=True),
    Variable(
        "REELYARD_WEBHOOK_KEY",
        secret_text,
        "Makes the secrets of webhook endpoints; left out, they are made of REELYARD_JWT_SECRET and change with it",
        default="",
        secret=True,
    ),
    Variable("REELYARD_ACCESS_TOKEN_MINUTES", integer(1, 10080), "Life of an access token", default=1440),
    Variable("REELYARD_REFRESH_TOKEN_DAYS", integer(1, 365), "Life of a refresh token", default=30),
    Variable(
        "REELYARD_SESSION_DAYS",
        integer(1, 3650),
        "Days from a sign-in until the next one, however often its session is refreshed",
        default=90,
    ),
    Variable(
        "REELYARD_TRUSTED_PROXIES",
        integer(0, 5),
        "Reverse proxies in front whose X-Forwarded-For is believed",
        default=0,
    ),
    Variable(
        "REELYARD_TLS_INSIDE",
        flag,
        "Refuse to start where PostgreSQL, Redis, the storage or the API is reached over a network without checked TLS",
        default=False,
    ),
    Variable("REELYARD_CORS_ORIGINS", words, "Origins that browsers may call from", default=()),
    Variable("REELYARD_RENDER_RATE", text, "Render requests allowed per user", default="20 per minute"),
    Variable("REELYARD_STILL_RATE", text, "Stills and validations allowed per user", default="120 per minute"),
    Variable(
        "REELYARD_STILL_WAIT_S",
        seconds(0, 60),
        "How long a request waits for its still or validation before it answers 202",
        default=10.0,
    ),
    Variable("REELYARD_DEFAULT_RATE", text, "Requests allowed per user or address", default="1200 per minute"),
    Variable("REELYARD_AUTH_RATE", text, "Sign-in attempts allowed per address", default="30 per minute"),
    Variable("REELYARD_CREDITS", flag, "Whether work costs credits", default=True),
    Variable(
        "REELYARD_PRICES",
        text,
        "Prices that differ from the usual ones, like render.1080p=10,transcription=2 (credits per minute or piece)",
        default="",
    ),
    Variable("STRIPE_SECRET_KEY", text, "Key of Stripe's API; unset means no payments", default="", secret=True),
    Variable(
        "STRIPE_WEBHOOK_SECRET",
        text,
        "Signs Stripe's webhooks; two with a comma between while one is replaced",
        default="",
        secret=True,
    ),
    Variable("STRIPE_API_URL", url("http", "https"), "Where Stripe's API is", default="https://api.stripe.com"),
    Variable(
        "REELYARD_CATALOGUE",
        text,
        "What can be bought, like pack.small=price_1Abc:500,plan.pro=price_1Def:20000 (Stripe's price and credits)",
        default="",
    ),
    Variable(
        "REELYARD_DB_POOL_SIZE",
        integer(1, 200),
        "Database connections per process, and requests that work at once in an API process",
        default=10,
    ),
    Variable(
        "REELYARD_DB_PREPARED",
        flag,
        "Plan what is sent most only once for a connection; 0 behind a pooler that hands connections on between "
        "transactions",
        default=True,
    ),
    Variable("REELYARD_MAX_BODY_BYTES", integer(1024, 1 << 28), "Largest request body the API reads", default=8 << 20),
    Variable(
        "REELYARD_FLOWER_URL",
        url("http", "https"),
        "Where Flower listens, with its prefix, like http://127.0.0.1:5555/flower; shown to administrators at /flower/",
        default="",
    ),
    Variable(
        "REELYARD_METRICS_TOKEN",
        secret_text,
        "Bearer token that /metrics asks for; unset shuts /metrics in production and leaves it to loopback elsewhere",
        default="",
        secret=True,
    ),
    Variable("REELYARD_FLOWER_AUTH", text, "Flower's FLOWER_BASIC_AUTH, user:password", default="", secret=True),
    # Mail
    Variable(
        "REELYARD_MAIL",
        choice("off", "smtp", "file", "console"),
        "How mail leaves; off also means that accounts are opened without proof of their address",
        default="off",
    ),
    Variable("REELYARD_MAIL_FROM", text, "Sender of mail", default="Reelyard <no-reply@localhost>"),
    Variable("REELYARD_MAIL_DIR", text, "Folder that REELYARD_MAIL=file writes to", default=".reelyard/mail"),
    Variable("REELYARD_MAIL_S", seconds(0.05, 60), "Seconds between rounds of the mailer", default=1.0),
    Variable("REELYARD_SMTP_HOST", text, "SMTP server", default="127.0.0.1"),
    Variable("REELYARD_SMTP_PORT", integer(1, 65535), "Its port", default=587),
    Variable(
        "REELYARD_SMTP_SECURITY",
        choice("starttls", "tls", "none"),
        "none is for a server on the same machine only",
        default="starttls",
    ),
    Variable("REELYARD_SMTP_USER", text, "Login at the SMTP server; unset means none", default=""),
    Variable("REELYARD_SMTP_PASSWORD", text, "Password there", default="", secret=True),
    Variable(
        "REELYARD_SMTP_PROXY",
        url("http"),
        "HTTP proxy that connects to the SMTP server, for hosts that reach nothing else outside; unset: none",
        default="",
    ),
    # Sign-in elsewhere
    Variable("REELYARD_GOOGLE_CLIENT_ID", text, "Sign-in with Google; unset means off", default=""),
    Variable("REELYARD_GOOGLE_CLIENT_SECRET", text, "Secret of that client", default="", secret=True),
    Variable(
        "REELYARD_GOOGLE_ISSUER",
        url("https", "http"),
        "OpenID issuer of Google accounts",
        default="https://accounts.google.com",
    ),
    Variable("REELYARD_GITHUB_CLIENT_ID", text, "Sign-in with GitHub; unset means off", default=""),
    Variable("REELYARD_GITHUB_CLIENT_SECRET", text, "Secret of that client", default="", secret=True),
    Variable("REELYARD_GITHUB_URL", url("https", "http"), "GitHub, or one's own", default="https://github.com"),
    Variable("REELYARD_GITHUB_API_URL", url("https", "http"), "Its API", default="https://api.github.com"),
    Variable(
        "REELYARD_ISSUERS",
        text,
        "External issuers whose tokens are accepted, as a JSON list; see the guide Sign-in",
        default="",
    ),
    Variable("REELYARD_IDENTITY_TIMEOUT_S", seconds(0.1, 30), "Longest wait for a provider or issuer", default=5.0),
    Variable("REELYARD_CLOCK_SKEW_S", integer(0, 300), "How far an issuer's clock may differ", default=60),
    # Uploads
    Variable("REELYARD_MAX_UPLOAD_BYTES", integer(1, 1 << 44), "Largest upload", default=5 << 30),
    Variable(
        "REELYARD_MULTIPART_BYTES",
        integer(5 << 20, 5 << 30),
        "Uploads above this go up in parts of this size",
        default=64 << 20,
    ),
    Variable("REELYARD_PRESIGN_S", integer(30, 86400), "Life of a presigned URL", default=900),
    Variable(
        "REELYARD_UPLOAD_EXPIRE_S",
        integer(60, 7 * 86400),
        "An upload that is not completed by then is given up",
        default=86400,
    ),
    Variable("REELYARD_MAX_MEDIA_S", seconds(1, 86400), "Longest media accepted", default=4 * 3600.0),
    Variable("REELYARD_MAX_SONG_S", seconds(1, 7200), "Longest song that can be added", default=300.0),
    Variable("REELYARD_MAX_SOUND_S", seconds(1, 7200), "Longest sound that can be added", default=600.0),
    Variable("REELYARD_SOUND_LUFS", decibels(-40, -5), "Loudness of sounds (LUFS, EBU R 128)", default=-14.0),
    Variable("REELYARD_SOUND_CEILING_DBTP", decibels(-12, 0), "Highest true peak of sounds (dBTP)", default=-1.0),
    Variable(
        "REELYARD_MAX_PIXELS", integer(65536, 1 << 28), "Most pixels per video frame accepted", default=8192 * 4320
    ),
    # The job engine
    Variable("REELYARD_LEASE_S", seconds(0.5, 3600), "A claim without a heartbeat lives this long", default=30.0),
    Variable("REELYARD_BEAT_S", seconds(0.1, 600), "Seconds between heartbeats of a worker", default=10.0),
    Variable("REELYARD_RECONCILE_S", seconds(0.1, 600), "Seconds between rounds of the reconciler", default=2.0),
    Variable("REELYARD_DISPATCH_S", seconds(0.02, 60), "Seconds between rounds of the dispatcher", default=0.25),
    Variable(
        "REELYARD_RING_GRACE_S",
        seconds(0.0, 60),
        "How long the chain itself gets to ring the next step before the dispatcher does",
        default=2.0,
    ),
    Variable(
        "REELYARD_RERING_S",
        seconds(0.2, 3600),
        "A ready step unclaimed this long is rung again (doubling)",
        default=15.0,
    ),
    Variable(
        "REELYARD_RING_AHEAD_S",
        seconds(0.0, 60),
        "Bells are out for every slot, or for so many seconds of what a queue consumes where that is more",
        default=0.5,
    ),
    Variable(
        "REELYARD_AGEING_S",
        seconds(0.0, 7 * 86400),
        "Work of lower priority that has waited so long gets every fourth turn",
        default=600.0,
    ),
    Variable(
        "REELYARD_LIMITS",
        text,
        "Steps that may run at once by name, 'pattern=size, …': the first pattern that fits; others get 1",
        default="provider:*=4, host:*=2, user:*=8, extractions=2",
    ),
    Variable(
        "REELYARD_RETRY_BACKOFF_S",
        seconds(0.0, 3600),
        "First pause before a transient failure is tried again (doubling, with jitter)",
        default=5.0,
    ),
    # The farm
    Variable("REELYARD_NODE_BEAT_S", seconds(0.1, 60), "Seconds between beats of a node", default=3.0),
    Variable(
        "REELYARD_NODE_LOST_S",
        seconds(0.3, 600),
        "A node that was not heard of, or has not consumed, for so long counts as offline",
        default=10.0,
    ),
    Variable(
        "REELYARD_QUARANTINE_AFTER",
        integer(0, 1000),
        "Failures of different jobs in a row after which a node gets no more work; 0 means never",
        default=5,
    ),
    Variable(
        "REELYARD_SELF_TEST_S",
        seconds(0.1, 86400),
        "Pause before a node in quarantine tests itself again (doubling)",
        default=60.0,
    ),
    Variable(
        "REELYARD_FETCH_PROXY",
        url("http"),
        "HTTP proxy that connects to what users name by URL, for hosts that reach nothing else outside; unset: none",
        default="",
    ),
    # Media behind links
    Variable("REELYARD_MAX_LINK_S", seconds(1, 7200), "Longest media that is taken from a link", default=600.0),
    Variable(
        "REELYARD_MAX_LINK_BYTES", integer(1 << 20, 8 << 30), "Largest media that is taken from a link", default=1 << 30
    ),
    Variable(
        "REELYARD_LINK_EXTRACTORS",
        words,
        "What yt-dlp may read: names of its extractors, split by commas; 'generic' reads any page",
        default=LINK_EXTRACTORS,
    ),
    Variable(
        "REELYARD_LINK_INSIDE",
        flag,
        "Let links lead to inner networks, on any port; refused in production",
        default=False,
    ),
    Variable("REELYARD_CREATOR_DAYS", integer(1, 365), "What is known of creators is asked again after", default=7),
    Variable("RAPIDAPI_KEY", text, "Key for TikTok through RapidAPI; unset: yt-dlp", default="", secret=True),
    Variable(
        "REELYARD_RAPIDAPI_URL",
        url("http", "https"),
        "Service on RapidAPI that is asked about TikTok",
        default="https://tiktok-scraper7.p.rapidapi.com",
    ),
    # Webhooks
    Variable("REELYARD_WEBHOOK_S", seconds(0.02, 60), "Seconds between looks for messages that are due", default=0.5),
    Variable(
        "REELYARD_WEBHOOK_TIMEOUT_S", seconds(0.2, 60), "Longest that a receiver may take to answer", default=10.0
    ),
    Variable(
        "REELYARD_WEBHOOK_AT_ONCE",
        integer(1, 32),
        "Messages that one endpoint is sent at the same time, each of another job or account",
        default=4,
    ),
    Variable("REELYARD_WEBHOOK_LOG_DAYS", integer(1, 3650), "How long the log of deliveries is kept", default=30),
    Variable(
        "REELYARD_WEBHOOK_DISABLE_DAYS",
        integer(1, 365),
        "Days without any success after which an endpoint is disabled and its owner told",
        default=5,
    ),
    Variable(
        "REELYARD_WEBHOOK_INSIDE",
        flag,
        "Let endpoints lie in inner networks, on any port and without TLS; refused in production",
        default=False,
    ),
    Variable(
        "REELYARD_RENDER_DAYS",
        integer(0, 3650),
        "How long renders are kept; 0 keeps them until their owner deletes them",
        default=0,
    ),
    Variable(
        "REELYARD_HISTORY_DAYS",
        integer(7, 3650),
        "How long events and attempts of jobs that have ended are kept; the jobs and their results stay",
        default=90,
    ),
    # Long videos
    Variable("REELYARD_CHUNK_S", seconds(0.5, 3600), "Length of the pieces of a long video", default=60.0),
    Variable(
        "REELYARD_CHUNK_FROM_S",
        seconds(1, 86400),
        "Videos this long are rendered in pieces, on several nodes at once",
        default=180.0,
    ),
    Variable(
        "REELYARD_CHUNK_DAYS",
        integer(2, 365),
        "How long rendered pieces are kept, so that a changed video renders only what changed",
        default=7,
    ),
    # Workers
    Variable("REELYARD_API_URL", url("http", "https"), "Where workers reach the API", default="http://127.0.0.1:8000"),
    Variable("REELYARD_NODE_NAME", text, "Name of this host in claims and logs; unset means the host name", default=""),
    Variable(
        "REELYARD_NICE",
        integer(-1, 19),
        "How far a worker's slots step back behind other processes; -1: 10 beside a GPU that they do not use, else 0",
        default=-1,
    ),
    Variable(
        "REELYARD_SCRATCH_DIR",
        text,
        "Where steps keep their temporary directories; unset means the system's",
        default="",
    ),
    Variable(
        "REELYARD_SOURCE_CACHE_BYTES",
        integer(0, 1 << 44),
        "Room in the scratch directory for sources that steps of one host share; 0 downloads for each step",
        default=8 << 30,
    ),
    Variable(
        "REELYARD_SANDBOX",
        choice("auto", "required", "off"),
        "Whether files of users are worked on in bubblewrap: auto where it works, required refuses to go without it",
        default="auto",
    ),
    Variable("REELYARD_SPEECH_ENGINE", choice("faster", "whisperx"), "Transcription engine", default="faster"),
    Variable(
        "REELYARD_WHISPER_MODEL",
        text,
        "Whisper model: a name or a folder; unset means the best one installed",
        default="",
    ),
    Variable("REELYARD_MODEL_DIR", text, "Folder with models by name", default=""),
    Variable("REELYARD_MODEL_DOWNLOAD", flag, "Allow downloading a model from its hub", default=False),
    Variable("REELYARD_WHISPER_DEVICE", choice("auto", "cpu", "cuda"), "Where Whisper runs", default="auto"),
    Variable(
        "REELYARD_WHISPER_COMPUTE",
        text,
        "CTranslate2 compute type; unset means int8 on CPU, float16 on CUDA",
        default="",
    ),
    Variable("REELYARD_WHISPER_BATCH", integer(1, 64), "Batch size of the whisperx engine", default=8),
    Variable("REELYARD_WHISPER_THREADS", integer(1, 128), "CPU threads per model", default=2),
    Variable(
        "REELYARD_DIARIZATION_MODEL",
        text,
        "Folder of a pyannote pipeline that tells speakers apart; empty: Resemblyzer's encoder",
        default="",
    ),
    Variable(
        "REELYARD_MUSIC_ENGINE",
        choice("librosa", "madmom"),
        "Who finds beats and bars; madmom's trained models are for use without commerce only (CC BY-NC-SA)",
        default="librosa",
    ),
    Variable(
        "REELYARD_GENRE_MODEL", text, "ONNX file that tells genre and mood; empty: rules over the signal", default=""
    ),
    Variable("REELYARD_MAX_MUSIC_S", seconds(1, 7200), "Longest song that workers analyse", default=900.0),
    # Clips of music videos
    Variable(
        "REELYARD_CLIP_PROVIDER",
        choice("auto", "offline", "replicate"),
        "Who makes the clips of music videos; auto is Replicate where there is a token, else they are drawn here",
        default="auto",
    ),
    Variable(
        "REPLICATE_API_TOKEN",
        text,
        "Token of Replicate's API, for API and CPU workers; unset means that nobody is asked",
        default="",
        secret=True,
    ),
    Variable(
        "REPLICATE_API_URL", url("http", "https"), "Where Replicate's API is", default="https://api.replicate.com"
    ),
    Variable(
        "REPLICATE_WEBHOOK_SECRET",
        text,
        "Signs Replicate's webhooks; unset means that predictions are only asked for",
        default="",
        secret=True,
    ),
    Variable("REELYARD_CLIP_MODEL", text, "Replicate's model for clips, owner/name or owner/name:version", default=""),
    Variable("REELYARD_CLIP_LENGTHS", numbers, "Seconds that the model makes, like 5,10", default=(5.0, 10.0)),
    Variable("REELYARD_CLIP_USD_PER_S", dollars, "Dollars for a second of clip", default=0.0),
    Variable("REELYARD_CLIP_USD_PER_WORK_S", dollars, "Dollars for a second of the model's work", default=0.0),
    Variable("REELYARD_CLIP_WORK_S", seconds(0, 1000), "Seconds that the model works on one of clip", default=20.0),
    Variable("REELYARD_STILL_MODEL", text, "Replicate's model for stills; unset means that there are none", default=""),
    Variable("REELYARD_STILL_USD", dollars, "Dollars for a still", default=0.0),
    Variable("REELYARD_CLIP_CAP_USD", dollars, "Most dollars that one music video may cost", default=50.0),
    Variable("REELYARD_MAX_VIDEOS", integer(0, 1_000_000), "Music videos that one user may keep", default=100),
    # Services that are asked only where they are configured
    Variable(
        "REELYARD_JUDGE_URL",
        url("http", "https"),
        "A chat API (OpenAI's protocol, up to /v1) that judges highlights; unset: evidence alone decides",
        default="",
    ),
    Variable("REELYARD_JUDGE_MODEL", text, "Its model", default="gpt-4o-mini"),
    Variable("REELYARD_JUDGE_KEY", text, "Its key", default="", secret=True),
    Variable(
        "REELYARD_TRANSLATE_URL",
        url("http", "https"),
        "A LibreTranslate server for CPU workers; unset: nothing is translated",
        default="",
    ),
    Variable("REELYARD_TRANSLATE_KEY", text, "Its key", default="", secret=True),
    # Publishing
    Variable(
        "REELYARD_YOUTUBE_URL",
        url("http", "https"),
        "Where YouTube's Data API is",
        default="https://www.googleapis.com",
    ),
    Variable(
        "REELYARD_GOOGLE_TOKEN_URL",
        url("http", "https"),
        "Where Google renews tokens",
        default="https://oauth2.googleapis.com",
    ),
    Variable(
        "REELYARD_YOUTUBE_CLIENT",
        text,
        "OAuth client of this installation for YouTube, id:secret; unset: none is published there",
        default="",
        secret=True,
    ),
    Variable(
        "REELYARD_TIKTOK_URL", url("http", "https"), "Where TikTok's API is", default="https://open.tiktokapis.com"
    ),
    Variable(
        "REELYARD_TIKTOK_CLIENT",
        text,
        "App of this installation for TikTok, key:secret; unset: none is published there",
        default="",
        secret=True,
    ),
    Variable(
        "REELYARD_INSTAGRAM_URL",
        url("http", "https"),
        "Where Instagram's Graph API is, with its version",
        default="https://graph.instagram.com/v22.0",
    ),
    # Render node
    Variable("REELYARD_CHROMIUM", text, "Path of the browser; unset means search", default=""),
    Variable(
        "REELYARD_CHROMIUM_GPU",
        choice("off", "auto", "gl", "vulkan"),
        "Let Chromium draw on the GPU where that was seen to work; all nodes of a farm should be alike in this",
        default="off",
    ),
    Variable(
        "REELYARD_ENCODER",
        choice("auto", "libx264", "h264_nvenc"),
        "Encoder; naming one makes it strict",
        default="auto",
    ),
    Variable(
        "REELYARD_DECODER",
        choice("auto", "software"),
        "auto has heavy footage decoded by NVDEC where that was seen to give the very frames of the processor",
        default="auto",
    ),
    Variable(
        "REELYARD_GPU",
        integer(0, 63),
        "GPU this slot is pinned to, counted as nvidia-smi does; among CUDA_VISIBLE_DEVICES where that is set",
        default=0,
    ),
    Variable(
        "REELYARD_NVENC_SESSIONS",
        integer(0, 64),
        "Encoding sessions that the driver allows each GPU; renders on this host wait for one. 0 means any number",
        default=0,
    ),
    Variable(
        "REELYARD_LOCK_DIR",
        text,
        "Where processes of one host count these sessions; containers must share it. Unset means the system's",
        default="",
    ),
    Variable("REELYARD_ENCODER_THREADS", integer(0, 128), "Threads of a software encoder; 0 lets it choose", default=0),
    # Watching
    Variable(
        "REELYARD_ALIVE_FILE",
        text,
        "Where an engine or a worker shows that it works, for python -m tasks.alive; unset means nowhere",
        default="",
    ),
    # Logs
    Variable(
        "REELYARD_LOG_LEVEL", choice("DEBUG", "INFO", "WARNING", "ERROR"), "Least level that is logged", default="INFO"
    ),
    Variable(
        "REELYARD_LOG_FORMAT",
        choice("auto", "json", "pretty"),
        "auto is pretty on a terminal and JSON elsewhere",
        default="auto",
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        url("http", "https"),
        "Where traces go, by OTLP over HTTP; unset means no traces. OpenTelemetry's other variables count too",
        default="",
    ),
    Variable("OTEL_SERVICE_NAME", text, "What a process is called in traces", default="reelyard"),
    Variable("REELYARD_FAILPOINTS", words, "Tests only: places where a worker dies, stops, waits or fails", default=()),
    # One-machine mode
    Variable("REELYARD_TOKEN", text, "API token that reelyard farm calls with", default="", secret=True),
    Variable("REELYARD_HOME", text, "Data folder of reelyard up", default=".reelyard"),
)

VARIABLES: dict[str, Variable] = {variable.name: variable for variable in _TABLE}


def read_environment(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of ``names``; raise one ConfigurationError that lists every problem."""
    problems = unknown_variables(environ)
    values: dict[str, Any] = {}
    for name in names:
        variable = VARIABLES[name]
        raw = environ.get(name)
        if raw is None or raw == "":
            if variable.required:
                problems.append(f"{name} is not set: {variable.help}")
            values[name] = variable.default
            continue
        try:
            values[name] = variable.parse(raw)
        except ValueError as error:
            shown = "" if variable.secret else f" (it is {raw!r})"
            problems.append(f"{name} {error}{shown}")
    if problems:
        raise ConfigurationError(
            "config.invalid", "The environment is wrong:\n" + "\n".join(f"  - {p}" for p in problems)
        )
    return values


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Name each ``REELYARD_*`` variable that the table does not know, with the nearest that it does."""
    problems = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in VARIABLES:
            near = difflib.get_close_matches(name, VARIABLES, n=1)
            problems.append(f"{name} is unknown" + (f"; did you mean {near[0]}?" if near else ""))
    return problems
