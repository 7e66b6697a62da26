"""Networks outside training: folding, exported files, engines, and how they are checked."""
