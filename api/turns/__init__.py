"""Whose turn it is: fair shares between users, named limits, and how many bells may be out."""
