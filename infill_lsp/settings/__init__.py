"""Settings of the server, and the user's own configuration."""
