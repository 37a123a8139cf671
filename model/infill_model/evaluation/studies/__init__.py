"""Single questions about the model, each with its command."""
