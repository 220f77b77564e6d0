"""Building, naming and sending images, with the builder that is there.

``docker`` (with BuildKit) and ``podman`` where they answer; else ``buildah``, which needs no daemon and
no privileges beyond those of the user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from millwright.deployment.targets.image import CONTAINERFILE
from millwright.kernel.errors import Unavailable

Tell = Callable[[str], None]
_EPOCH = "0"


@dataclass(frozen=True, slots=True)
class Builder:
    """A program that builds images, and how it is asked."""

    program: str
    build: tuple[str, ...]
    options: tuple[str, ...] = ()

    def make(self, context: Path, image: str, tell: Tell) -> None:
        """Build the image of a context folder.

        Raises:
            Unavailable: the builder refuses, with the last of what it said.
        """
        file = str(context / CONTAINERFILE)
        tell(f"Building {image} with {self.program} …")
        self._run([*self.build, "-t", image, "-f", file, str(context)])

    def save(self, image: str, archive: Path) -> None:
        """Write the image as one file, which `docker load` and `podman load` read."""
        if self.program == "buildah":
            self._run(["push", image, f"oci-archive:{archive}:{image}"])
        elif self.program == "podman":
            self._run(["save", "--format", "oci-archive", "-o", str(archive), image])
        else:
            self._run(["save", "-o", str(archive), image])

    def push(self, image: str, tell: Tell) -> None:
        """Send the image to the registry in its name, as whoever is logged in there."""
        tell(f"Sending {image} …")
        self._run(["push", image])

    def name(self, image: str, also: str) -> None:
        """Give an image one more name."""
        self._run(["tag", image, also])

    def _run(self, arguments: Sequence[str]) -> None:
        ended = subprocess.run(
            [self.program, *self.options, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "DOCKER_BUILDKIT": "1", "SOURCE_DATE_EPOCH": _EPOCH},
            check=False,
        )
        if ended.returncode != 0:
            said = "\n".join((ended.stderr or ended.stdout).strip().splitlines()[-5:])
            raise Unavailable(
                "targets.builder_refuses",
                f"{self.program} {arguments[0]} failed: {said}",
                hint=f"Try it by hand: {self.program} {' '.join(arguments)}",
            )


def find_builder() -> Builder:
    """The builder of this machine.

    Raises:
        Unavailable: none is installed and answers.
    """
    for program in ("docker", "podman"):
        if shutil.which(program) and _answers(program):
            return Builder(program, ("build", "-q"))
    if shutil.which("buildah"):
        # Without an overlay file system, as inside of another container, layers are plain folders.
        options = () if _has_overlay() else ("--storage-driver", "vfs")
        return Builder("buildah", ("build", "-q", "--isolation", "chroot"), options)
    raise Unavailable(
        "targets.no_builder",
        "No program that builds images is here: docker, podman or buildah.",
        hint="On Debian: apt-get install buildah. Or write the files only, with --output FOLDER.",
    )


def _answers(program: str) -> bool:
    try:
        ended = subprocess.run([program, "info"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def _has_overlay() -> bool:
    try:
        return "overlay" in Path("/proc/filesystems").read_text() and Path("/dev/fuse").exists()
    except OSError:
        return False
