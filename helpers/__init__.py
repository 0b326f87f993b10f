"""BERT by Hand: what the notebooks build, one module per idea. Import the modules you need; nothing runs at import."""
