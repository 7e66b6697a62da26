"""Drawings of networks: what is drawn, where it is, and the SVG."""
