"""How the embedded model is trained: corpus, spans, corruption, loss, loop, export."""
