"""The one denoising loop, its canvas and its policies."""
