//! payamak for Python: the native module of the wheel.
