"""The settings of a deployment, here and on AWS: those that are deployed, with the changes of the command line."""
