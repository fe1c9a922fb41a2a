"""Drawing captions: browser, stage page, tiles."""
