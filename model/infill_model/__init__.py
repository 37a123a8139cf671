"""The denoiser: network, tokenizer, denoising loop, training and evaluation. Must not import editor code."""
