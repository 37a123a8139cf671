"""What a model folder holds, and where its weights go."""
