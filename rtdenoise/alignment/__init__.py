"""Brings what is known of earlier frames to where, and how bright, the picture is now; imports no other room.

* ``tracking``     finds what moves, keeps it in mind from frame to frame, and how it moves
* ``affine``       fits the movement of a rigid thing on its pixels
* ``motion``       a movement, which warps planes; and the simple search for one that training uses
* ``brightness``   finds changes of brightness, of the whole picture and of rows
* ``rectangles``   the rectangles of a frame in which something is to be done
"""
