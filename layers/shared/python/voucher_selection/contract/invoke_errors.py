"""The errors of Lambda's `Invoke`: those that heal after a while, and those that only a person mends.

The names are those of the API's model. Step Functions puts `Lambda.` in front of them.
"""

THROTTLED = ("TooManyRequestsException",)
"""As many functions run as the account or the function may run at once. It heals when one of them ends."""

HEALING = (
    *THROTTLED,
    # Lambda has put an unused function to sleep, and wakes it: it took 40 to 106 seconds
    "CodeArtifactUserPendingException",
    "CodeArtifactUserDeletedException",
    "ResourceNotReadyException",
    # the function is being updated
    "ResourceConflictException",
    # a network, its addresses or its interfaces
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "ENILimitReachedException",
    "ENINotReadyException",
    "SubnetIPAddressLimitReachedException",
    # a file system that was not reached
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountTimeoutException",
    "S3FilesMountConnectivityException",
    "S3FilesMountTimeoutException",
    # a snapshot that is being made, or was restored too slowly
    "SnapStartNotReadyException",
    "SnapStartRegenerationFailureException",
    "SnapStartTimeoutException",
    "ServiceException",
)
"""The same call succeeds later, without anyone's doing."""

FATAL = (
    # the request
    "DurableExecutionAlreadyStartedException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "ModeNotSupportedException",
    "RecursiveInvocationException",
    "RequestTooLargeException",
    "SerializedRequestEntityTooLargeException",
    "UnsupportedMediaTypeException",
    # the function, its code and its runtime
    "CodeArtifactUserFailedException",
    "InvalidRuntimeException",
    "InvalidZipFileException",
    "NoPublishedVersionException",
    "ResourceNotFoundException",
    "RuntimeAliasDeletedException",
    "RuntimeVersionDeletedException",
    "SnapStartException",
    # its rights, its key, its network and its file system
    "EC2AccessDeniedException",
    "EFSMountFailureException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "S3FilesMountFailureException",
    # a quota that must be raised
    "ServiceQuotaExceededException",
)
"""The same call fails until someone changes the request, the function or the account."""
