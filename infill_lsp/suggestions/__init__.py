"""From what a model wrote to what is shown: refinements, type-through and a cache."""
