"""Real PostgreSQL, Valkey and SeaweedFS on one machine, from pip wheels: no Docker, no root, loopback only."""
