"""Whether a fill is right: metrics and the sandbox."""
