"""The denoising loop, its canvas and its policies."""
