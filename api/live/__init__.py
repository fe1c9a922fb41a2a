"""One stream of everything that a user's clients are told, by WebSocket or Server-Sent Events."""
