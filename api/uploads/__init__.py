"""Uploads: presigned transfers straight into the object storage, and what follows when one is complete."""
