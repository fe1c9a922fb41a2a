"""Object storage behind one interface (ring 1); keys are made by us, never from a user's words."""

from tasks.storage.base import ObjectInfo, PresignedUpload, Storage, StorageError

__all__ = ["ObjectInfo", "PresignedUpload", "Storage", "StorageError"]
