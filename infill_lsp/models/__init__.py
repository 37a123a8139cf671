"""The larger models: fetched, converted, measured on this machine, chosen and offered. Nothing here knows an editor."""
