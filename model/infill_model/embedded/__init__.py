"""The network that comes with the package: encoder, denoiser, cache and folder."""
