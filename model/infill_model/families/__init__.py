"""The declarations of each family of open diffusion checkpoints."""
