"""What each family of open diffusion checkpoints declares of itself."""
