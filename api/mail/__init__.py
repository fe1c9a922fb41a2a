"""Mail to people: queued in the caller's transaction, sent by the engine, never while a request waits."""
