"""What one client has open, what it set, and what it asked."""
