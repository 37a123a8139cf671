"""Decide whether a fill is right: metrics and the sandbox."""
