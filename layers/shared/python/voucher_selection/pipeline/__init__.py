"""What a run does, state by state."""
