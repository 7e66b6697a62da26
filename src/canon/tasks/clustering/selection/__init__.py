"""Which clusters are taken: by a graph of neighbours, by number, by seed."""
