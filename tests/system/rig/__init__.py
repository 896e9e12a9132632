"""The rig: real hosts for the tests, built once, and started as a clean copy in seconds.

An *image* is named like `debian/healthy`: a variant and its topmost layer. The layers are written
down in `tests/system/variants`, built and kept by `build` and `store`, stacked and booted by
`boot`; what runs is a `machine.Machine`.
"""
