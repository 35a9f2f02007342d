"""Brings what is known of earlier frames to where, and how bright, the picture is now; imports no other room.

* ``motion``       finds what moved, and how
* ``brightness``   finds changes of brightness, of the whole picture and of rows
* ``rectangles``   the rectangles of a frame in which something is to be done
"""
