"""Networks of published models."""
