"""Organisations: people who own things together."""
