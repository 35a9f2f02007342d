"""The user's PipeWire session, by ctypes: what the virtual camera in it and cameras that are read from it rest on.

``pod`` reads and writes the plain-old-data objects in which PipeWire states formats, ``library`` knows the functions
and structures of libpipewire, ``registry`` lists the session's cameras with what they offer, ``reader`` reads one, and
``session`` says what the session has.
"""
