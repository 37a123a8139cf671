"""What is never read, sent or shown."""
