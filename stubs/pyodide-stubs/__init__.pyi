from . import ffi as ffi
