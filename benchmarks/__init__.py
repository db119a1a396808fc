"""What the product costs in seconds, memory and money, and what others need for the same work."""
