"""Looking at captions where they would be drawn: measured in the stage, held against the real footage."""
