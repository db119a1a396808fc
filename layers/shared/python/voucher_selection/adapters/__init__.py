"""Where the product meets the world: the lake on S3, the catalog on DynamoDB, sources, settings, logs."""
