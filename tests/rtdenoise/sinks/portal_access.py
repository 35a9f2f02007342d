"""A camera portal's back end that says yes to every question; run by the system's Python, which has PyGObject.

The portal offers its camera interface only where a back end can ask the user. It is named in ``test.portal``, which the
test writes.
"""

from typing import Any

from gi.repository import Gio, GLib

INTERFACE = "org.freedesktop.impl.portal.Access"
DESCRIPTION = f"""
<node><interface name="{INTERFACE}"><method name="AccessDialog">
  <arg type="o" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
  <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
  <arg type="a{{sv}}" direction="in"/><arg type="u" direction="out"/><arg type="a{{sv}}" direction="out"/>
</method></interface></node>"""


def grant(
    _bus: Any, _sender: str, _path: str, _interface: str, _method: str, _arguments: Any, call: Any
) -> None:
    call.return_value(GLib.Variant("(ua{sv})", (0, {})))


def offer(bus: Any, _name: str) -> None:
    interface = Gio.DBusNodeInfo.new_for_xml(DESCRIPTION).interfaces[0]
    bus.register_object("/org/freedesktop/portal/desktop", interface, grant, None, None)


name = "org.freedesktop.impl.portal.desktop.test"
Gio.bus_own_name(Gio.BusType.SESSION, name, Gio.BusNameOwnerFlags.NONE, offer, None, None)
GLib.MainLoop().run()
