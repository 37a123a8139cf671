"""A published code model as the encoder, which verifies and ranks drafts."""
