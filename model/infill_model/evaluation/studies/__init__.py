"""Studies of the model, each with its own command."""
