"""The deployment of a stage to an account of AWS: checked, deployed, tested, deleted."""
