"""What happens to an upload first: probe and poster (ring 3)."""
