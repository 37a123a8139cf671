"""Tuning published code models for gaps: low-rank updates, and a denoiser that drafts for them."""
