"""Jobs: the record of all work. Rows remember, lease and retry; Celery only rings."""
