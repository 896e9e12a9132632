"""The ways to let a client open its socket: one module each, compared and chosen from here.

A way is a function that is given a `Case` and returns an `Offer`, or None where it does not apply.
`offers` has them in their order. A way decides and describes; the plan runner alone changes.
"""
