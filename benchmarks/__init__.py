"""Speed beside the usual way of doing the same, interleaved in one run; `make bench`."""
