"""Cuts what only debuggers read off the shared libraries below a folder: symbol tables and section headers.

    python shrink.py FOLDER

As ``strip`` does, which an image without binutils lacks, but nothing that is loaded is moved: a file is cut behind the last byte
that a program header maps (System V ABI, "Program Header"), and its header says that there are no sections. The table of dynamic
symbols is mapped, and so stays.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

_SMALL = 64 * 1024  # bytes; below it is nothing to gain
_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little end first
_PROGRAM_HEADERS_AT, _SECTION_HEADERS_AT, _SIZES_AT = 32, 40, 54


def shrink(file: Path) -> int:
    """Cuts a file, if it is a shared library.

    Args:
        file: Any file.

    Returns:
        Bytes saved.
    """
    size = file.stat().st_size
    with file.open("r+b") as library:
        header = library.read(64)
        if size < _SMALL or not header.startswith(_MAGIC):
            return 0
        (at,) = struct.unpack_from("<Q", header, _PROGRAM_HEADERS_AT)
        each, number = struct.unpack_from("<HH", header, _SIZES_AT)
        library.seek(at)
        mapped = [struct.unpack("<IIQQQQQQ", library.read(each)) for _ in range(number)]
        end = max([at + each * number, *(offset + length for _, _, offset, _, _, length, _, _ in mapped)])
        library.seek(_SECTION_HEADERS_AT)
        library.write(bytes(8))
        library.seek(_SIZES_AT + 4)
        library.write(bytes(6))  # size, number and names of sections
        library.truncate(end)
    return size - end


def main(folder: str) -> None:
    """Cuts every shared library.

    Args:
        folder: Where they are.
    """
    libraries = [path for path in Path(folder).rglob("*.so*") if path.is_file() and not path.is_symlink()]
    sys.stdout.write(f"{sum(map(shrink, libraries)) / 1e6:.0f} MB less\n")


if __name__ == "__main__":
    main(sys.argv[1])
