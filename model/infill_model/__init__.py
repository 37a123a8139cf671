"""The denoiser: network, tokenizer, denoising loop, training and evaluation. Knows nothing of editors."""
