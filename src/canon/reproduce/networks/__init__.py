"""What networks compute: convolutions, upsampling, scores."""
