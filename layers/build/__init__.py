"""Build the archives that Lambda runs: two layers and one archive per function, or bundles in their place.

=================== ===================================================== ==================================
archive             holds                                                 used by
=================== ===================================================== ==================================
`shared`            dependencies of every function, `voucher_selection`   all functions, as a layer
`analytics`         pandas and pyarrow                                    all but the API, as a layer
`<function>`        the function's own folder                             that function
`bundle-api`        the API, `voucher_selection`, shared dependencies     the API with `packaging=bundle`
`bundle-pipeline`   the other functions and all dependencies              these with `packaging=bundle`
=================== ===================================================== ==================================

LocalStack in Docker stores layers but does not mount them: hence the bundles. The functions with pandas and pyarrow
share one bundle, so that it is uploaded and unzipped once.

Archives go to `.build/<platform>/`. A digest of its contents names each: a change of our own code appends a few files
to a copy of the dependencies' archive, and only a change of a lock file installs dependencies again.
"""
