"""Uploaded pictures as scenarios name them."""
