"""A network namespace of Linux with one TUN device, made by system calls alone.

No program such as `ip` is needed. A socket belongs to the namespace in which it was made, whoever
uses it later; `with namespace.entered():` makes the sockets of the calling thread there.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

DEVICE = "wire0"

_CLONE_NEWNET = 0x40000000
# linux/if_tun.h
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
# linux/sockios.h and linux/if.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
_SIOCSIFMTU, _SIOCSIFTXQLEN = 0x8922, 0x8943
_IFF_UP = 0x0001

_QUEUE_FRAMES = 16384
"""The device drops frames beyond this: more than the window of any upload here."""

# Each connection starts alike: the kernel does not remember the window of the one before it.
_SETTINGS = {"ipv4/tcp_no_metrics_save": "1", "ipv6/conf/all/disable_ipv6": "1"}


class Namespace:
    """A namespace with the device `wire0`, whose frames are read from and written to `tun`.

    The device has `address` in a network of 256 addresses. The namespace lives until `close`, and
    until no process has one of its sockets. Raises OSError where the process may not make it.
    """

    def __init__(self, address: str, mtu: int = 1500) -> None:
        self.address = address
        with _at_home_again():
            _unshare()
            self.fd = _own_namespace()
            for name, value in _SETTINGS.items():
                with contextlib.suppress(OSError):  # /proc/sys may be read-only
                    Path("/proc/sys/net", name).write_text(value)
            self.tun = _tun_device()
            _bring_up(address, mtu)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Inside the block, the calling thread is in the namespace."""
        with _at_home_again():
            enter(self.fd)
            yield

    def close(self) -> None:
        """Let go of it; its device is removed with the last copy of `tun`."""
        os.close(self.tun)
        os.close(self.fd)


@contextlib.contextmanager
def _at_home_again() -> Iterator[None]:
    home = _own_namespace()
    try:
        yield
    finally:
        enter(home)
        os.close(home)


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


# `os.unshare` and `os.setns` came with Python 3.12.


def _unshare() -> None:
    _checked(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET), "unshare")


def enter(fd: int) -> None:
    """Put the calling thread into the namespace that the descriptor is of."""
    _checked(ctypes.CDLL(None, use_errno=True).setns(fd, _CLONE_NEWNET), "setns")


def _checked(result: int, call: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def _tun_device() -> int:
    """Make the device in the current namespace; each read and write of it is one IP packet."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.ioctl(tun, _TUNSETIFF, _request(DEVICE, struct.pack("=H", _IFF_TUN | _IFF_NO_PI)))
    except OSError:
        os.close(tun)
        raise
    return tun


def _bring_up(address: str, mtu: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command, value in (
            (_SIOCSIFMTU, struct.pack("=i", mtu)),
            (_SIOCSIFTXQLEN, struct.pack("=i", _QUEUE_FRAMES)),
            (_SIOCSIFADDR, _sockaddr(address)),
            (_SIOCSIFNETMASK, _sockaddr("255.255.255.0")),
        ):
            fcntl.ioctl(sock, command, _request(DEVICE, value))
        for device in ("lo", DEVICE):
            now = fcntl.ioctl(sock, _SIOCGIFFLAGS, _request(device, b""))
            flags = struct.unpack_from("=H", now, 16)[0] | _IFF_UP
            fcntl.ioctl(sock, _SIOCSIFFLAGS, _request(device, struct.pack("=H", flags)))


def _request(device: str, value: bytes) -> bytes:
    """A `struct ifreq`: the device's name and a union."""
    return struct.pack("=16s24s", device.encode(), value)


def _sockaddr(address: str) -> bytes:
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
