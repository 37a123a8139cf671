"""The families of models; each implements `protocol.Denoiser`."""
