"""The same work in several engines: each module has `count`, and some `write`, with the signatures of `ours`.

All follow the rules of docs/pipeline.md as far as the made histories call for them: these write every value one way, so
nobody has to be as careful with other forms of dates and numbers as the product is.
"""
