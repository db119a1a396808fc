"""Where it meets the world: the lake on S3, the catalog on DynamoDB, the state machine, files, settings, logs."""
