"""The network that ships with the package: encoder, denoiser, cache and folder."""
