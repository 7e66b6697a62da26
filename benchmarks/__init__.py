"""Speed compared with the usual implementations, interleaved in one run; `make bench`."""
