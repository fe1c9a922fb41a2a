"""Who did what to what: an append-only log, written in the same transaction as the change."""

from api.audit.service import record

__all__ = ["record"]
