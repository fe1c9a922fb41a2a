"""The one way to fetch a URL that somebody else chose (ring 1): resolved once, connected to what was checked."""

from tasks.fetching.fetcher import Fetched, Fetcher, FetchLimits

__all__ = ["FetchLimits", "Fetched", "Fetcher"]
