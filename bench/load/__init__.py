"""The API under load: submits and reads at a fixed rate with many event streams open."""
