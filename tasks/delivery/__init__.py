"""Sends finished clips to webhooks, buckets and video platforms; each kind of target is a plug-in (ring 3)."""
