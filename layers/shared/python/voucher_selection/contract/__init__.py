"""What the deployed code and the stack that deploys it both rely on: names and limits, each written once.

Only the standard library is imported here: the CDK's program reads it without pydantic or pandas.
"""
