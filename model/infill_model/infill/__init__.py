"""Requests to the embedded model: drafts of every origin, scored together, the best read out."""
