"""Faults by the dozen against a real system, and a checker that believes nothing but what is stored."""
