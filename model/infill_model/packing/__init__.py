"""Converts a published file and this project's update to the one file that is served, and exports it again."""
