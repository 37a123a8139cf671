"""Requests to the embedded model: drafts from all sources, scored together, and the best returned."""
