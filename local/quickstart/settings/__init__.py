"""The settings of a deployment, here or on AWS."""
