"""Renders: a scenario drawn over a source asset by the farm."""
