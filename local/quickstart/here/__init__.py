"""The deployment on this machine: brought up, given a source, run, and asked."""
