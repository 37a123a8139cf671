"""Train the embedded model: corpus, spans, corruption, loss, loop, export."""
