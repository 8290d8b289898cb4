"""What bench/run measures, and with what."""
