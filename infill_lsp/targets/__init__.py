"""Determines what to fill at a cursor or in a selection."""
