"""Build the archives that Lambda runs: two layers, one archive per function, and the bundles of the local stage.

=================== ===================================================== ==================================
archive             holds                                                 used by
=================== ===================================================== ==================================
`shared`            dependencies of every function, `voucher_selection`   all functions on AWS, as a layer
`analytics`         pandas and pyarrow                                    all but the API on AWS, as a layer
`<function>`        the function's own folder                             that function on AWS
`bundle-api`        the API, `voucher_selection`, shared dependencies     the API on the local stage
`bundle-pipeline`   the other functions and all dependencies              these on the local stage
=================== ===================================================== ==================================

LocalStack stores layers but does not mount them: hence the bundles. The functions with pandas and pyarrow share one
bundle, so that it is uploaded and unzipped once.

Archives go to `.build/<platform>/`. A digest of its contents names each: a change of our own code appends a few files
to a copy of the dependencies' archive, and only a change of a lock file installs dependencies again.
"""
