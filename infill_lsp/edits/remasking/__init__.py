"""What an edit makes improbable elsewhere, written again by a model: next edits that no rule finds."""
