"""What is to be filled at a cursor or in a selection."""
