"""LocalStack as a plain local process, whose Lambda functions run as local processes."""
