"""From model output to suggestions: refinements of a fill for its place in a document."""
