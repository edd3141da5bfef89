"""`capture bench`: what tracing costs on this machine, with systape and with the tracers beside it.

Workloads run under tracers, in shuffled rounds; each run is compared with the untraced run of its own round.
"""
