"""A language server that fills gaps in code with a masked-diffusion language model."""

__version__ = "0.1.0"
"""Said here, for the server to know without reading what pip has written; that takes a tenth of its start."""
