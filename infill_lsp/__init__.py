"""A language server that fills gaps in code with a masked-diffusion language model."""
