"""The engine: a process that owns the model, and the client that sends it requests."""
