"""From a published file and our update to the one file that is served, and back out."""
