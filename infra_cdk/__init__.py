"""What is deployed: one stack, one construct per concern, and the settings of each stage."""
