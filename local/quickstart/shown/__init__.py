"""What the quickstart prints for people: runs, models, settings, deployments."""
