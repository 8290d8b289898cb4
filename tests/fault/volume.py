"""Volume: a file system of its own in an image file, whose power can be cut.

The cut is the kernel's own: the shutdown ioctl of ext4 and xfs, with the flag that discards whatever was not synced,
journal of the file system included; from then on every call fails, and after unmounting and mounting again there is
what a machine would have found after a power failure. Needs root and loop devices.

Mounts are made in a mount namespace of this process: they go with it, however it ends.
"""
import ctypes
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

from rounds import memory_directory

KINDS = ("ext4", "xfs")
IMAGE_BYTES = 640 << 20
SHUTDOWN = 0x8004587D        # _IOR('X', 125, __u32): EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
DISCARD_UNSYNCED = 2         # EXT4_GOING_FLAGS_NOLOGFLUSH, XFS_FSOP_GOING_FLAGS_NOLOGFLUSH
CLONE_NEWNS = 0x00020000
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class Unavailable(Exception):
    """The machine does not allow it; the text is the reason."""


def _run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")


def own_mounts():
    """Puts this process into a mount namespace of its own."""
    if os.geteuid() != 0:
        raise Unavailable("mounting needs root")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Unavailable(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    _run(["mount", "--make-rprivate", "/"])


class Volume:
    def __init__(self, kind):
        if shutil.which(MAKE[kind][0]) is None:
            raise Unavailable(f"{MAKE[kind][0]} is not installed")
        self.kind = kind
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix=f"insula-{kind}-", dir=memory_directory()))
        self._image = self._directory / "image"
        self.path = self._directory / "mounted"
        self.path.mkdir()
        self._mounted = False
        try:
            with open(self._image, "wb") as image:
                image.truncate(IMAGE_BYTES)
            _run([*MAKE[kind], self._image])
            self.mount()
        except Unavailable:
            self.close()
            raise

    def mount(self):
        _run(["mount", "-t", self.kind, "-o", "loop,noatime", self._image, self.path])
        self._mounted = True

    def cut_power(self):
        """What was not synced is gone, and every call fails."""
        root = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(root, SHUTDOWN, struct.pack("I", DISCARD_UNSYNCED))
        except OSError as problem:
            raise Unavailable(f"the shutdown ioctl of {self.kind}: {problem}") from problem
        finally:
            os.close(root)

    def remount(self):
        """As after the power came back. Nobody may use the volume."""
        self.unmount()
        self.mount()

    def unmount(self):
        _run(["umount", self.path])
        self._mounted = False

    def close(self):
        if self._mounted:
            self.unmount()
        shutil.rmtree(self._directory, ignore_errors=True)
