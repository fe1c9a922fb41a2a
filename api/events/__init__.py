"""Following a job live by Server-Sent Events."""
