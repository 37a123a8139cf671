"""Decides what is never read, sent or shown."""
