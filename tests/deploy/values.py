"""What an operator fills in: values as strong as production asks for."""

from __future__ import annotations

FILLED = {
    "DATABASE_URL": "postgresql://reelyard:uK3zQv81xWpLr0aN@db.internal:5432/reelyard",
    "REDIS_URL": "redis://:Jd72mXcQ0pVt5sYe@redis.internal:6379/0",
    "AWS_ACCESS_KEY_ID": "AKIAQ7ZP3M5X8VJ2LRWT",
    "AWS_SECRET_ACCESS_KEY": "b8WqZr1nX4yTc7LmVf0eKs3dPh6uJa9g",
    "REELYARD_CALLBACK_SECRET": "f0a1b2c3d4e5968778695a4b3c2d1e0f",
    "REELYARD_JWT_SECRET": "1e2d3c4b5a69788796a5b4c3d2e1f00f",
    "REELYARD_WEBHOOK_KEY": "9c8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f",
    "REELYARD_METRICS_TOKEN": "7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a",
    "POSTGRES_PASSWORD": "uK3zQv81xWpLr0aN",
    "REDIS_PASSWORD": "Jd72mXcQ0pVt5sYe",
    "FLOWER_USER": "watcher",
    "REELYARD_FLOWER_AUTH": "watcher:Vb5nM2kL9qTz",
    "FLOWER_PASSWORD": "Vb5nM2kL9qTz",
}
