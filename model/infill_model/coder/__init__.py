"""A published code model as the encoder: drafts verified and ranked by it."""
