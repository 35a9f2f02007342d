"""The app: a page of this machine in which a person sees, films, calibrates and sets a camera, without a terminal.

* ``command``    `rtdenoise app`
* ``server``     the page and its connection, for this machine and this user alone; ``guard`` says who may come in
* ``messages``   what a page may ask for
* ``session``    what is going on: a camera is chosen, filmed, calibrated, used; and what a page is told of it
* ``live``, ``filming``, ``calibrating``  the three things that take time, each in a thread or program of its own
* ``preview``    small pictures for the page; ``grain`` how much noise they show, ``seen_camera`` where they come from
                 while it is filmed
* ``instance``   one app for each user
* ``launcher``   the entry in the desktop's menu

It imports calibration, capture and rtdenoise, and none of these imports it.
"""
