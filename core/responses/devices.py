"""The response to a request for the devices of this machine."""

from dataclasses import dataclass

from core.events import Event


@dataclass(frozen=True, kw_only=True)
class DeviceChoice:
    name: str
    description: str
    available: bool
    reason: str | None


class DevicesListed(Event, name="devices_listed", recorded=False):
    devices: tuple[DeviceChoice, ...]
