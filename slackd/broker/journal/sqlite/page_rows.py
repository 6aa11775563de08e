"""Reads rows from a database's pages one by one, past trees whose upper pages are broken.

SQLite finds a row by the way from its tree's root; one broken page up there hides all the rows below it, though
they are whole. A page says of what kind it is and holds whole rows, so those can be read without the tree. To
which table a row belongs no page says: that is known by the number and the types of its values.

The format is sqlite.org/fileformat2.html: sections 1.6 (b-tree pages), 1.7 (overflow), 2.1 (records).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from slackd.broker.journal.sqlite.schema import PAGE_SIZE

Row = tuple[Any, ...]

_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = 13, 10, 2
"""The first byte of a page that holds rows: of a table that numbers them, or of one that does not (which is
kept as an index is), there also between the leaves."""
_FILE_HEADER: Final = 100
_LONGEST: Final = 64 << 20
"""Bytes of a row; what claims to be longer is garbage."""
_MAGIC: Final = b"SQLite format 3\0"
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of a whole number, by its serial type."""


def rows_of_pages(database: Path) -> Iterator[Row]:
    """Every whole row of every table, and every entry of an index, in the file's order.

    The first value of a row that has a number is that number. Pages that SQLite lists as free are left out:
    they hold what was removed long ago.

    Args:
        database: The file, whose write-ahead log was brought into it.
    """
    with database.open("rb") as file:
        pages = file.seek(0, 2) // PAGE_SIZE
        free = _free_pages(file, pages)
        for number in range(1, pages + 1):
            if number not in free:
                yield from _rows_of_page(file, number, pages)


def _page(file: BinaryIO, number: int) -> bytes:
    file.seek((number - 1) * PAGE_SIZE)
    return file.read(PAGE_SIZE)


def _free_pages(file: BinaryIO, pages: int) -> set[int]:
    """Pages on the list of free pages (section 1.5), as far as it can be read."""
    found: set[int] = set()
    first = _page(file, 1)
    if not first.startswith(_MAGIC):
        return found
    (trunk,) = struct.unpack_from(">I", first, 32)
    while 0 < trunk <= pages and trunk not in found:
        found.add(trunk)
        page = _page(file, trunk)
        trunk, count = struct.unpack_from(">II", page)
        if count <= PAGE_SIZE // 4 - 2:
            found.update(struct.unpack_from(f">{count}I", page, 8))
    return found


def _rows_of_page(file: BinaryIO, number: int, pages: int) -> Iterator[Row]:
    page = _page(file, number)
    header = _FILE_HEADER if number == 1 else 0
    kind = page[header]
    if kind not in (_LEAF, _INDEX_LEAF, _INDEX_INTERIOR):
        return
    (count,) = struct.unpack_from(">H", page, header + 3)
    if count > PAGE_SIZE // 4:
        return
    cells = header + (12 if kind == _INDEX_INTERIOR else 8)
    for place in struct.unpack_from(f">{count}H", page, cells):
        try:
            yield _row(file, page, kind, place, pages)
        except (ValueError, LookupError, struct.error):
            continue


def _row(file: BinaryIO, page: bytes, kind: int, place: int, pages: int) -> Row:
    """A row whose cell begins at this place of a page.

    Raises:
        ValueError: It is garbage; so are LookupError and struct.error.
    """
    if kind == _INDEX_INTERIOR:
        place += 4
    size, place = _variable(page, place)
    row_id = None
    if kind == _LEAF:
        row_id, place = _variable(page, place)
    if size > _LONGEST:
        raise ValueError(f"a row of {size} bytes")
    here = _bytes_here(size, PAGE_SIZE - 35 if kind == _LEAF else (PAGE_SIZE - 12) * 64 // 255 - 23)
    payload = bytearray(page[place : place + here])
    if here < size:
        (beyond,) = struct.unpack_from(">I", page, place + here)
        _read_overflow(file, beyond, size, payload, pages)
    if len(payload) != size:
        raise ValueError("a row that is cut")
    first, *rest = _values(bytes(payload))
    # The number of a row stands beside it, and NULL in its place.
    return (row_id if first is None else first, *rest)


def _bytes_here(size: int, most: int) -> int:
    """How many of a row's bytes its page holds, never more than `most`; overflow pages have the rest."""
    if size <= most:
        return size
    least = (PAGE_SIZE - 12) * 32 // 255 - 23
    here = least + (size - least) % (PAGE_SIZE - 4)
    return here if here <= most else least


def _read_overflow(file: BinaryIO, number: int, size: int, payload: bytearray, pages: int) -> None:
    while len(payload) < size:
        if not 0 < number <= pages:
            raise ValueError("an overflow page that is not there")
        page = _page(file, number)
        (number,) = struct.unpack_from(">I", page)
        payload += page[4 : 4 + size - len(payload)]


def _values(payload: bytes) -> list[Any]:
    """The values of a record (section 2.1)."""
    length, place = _variable(payload, 0)
    at, found = length, []
    while place < length:
        serial, place = _variable(payload, place)
        value, at = _value(payload, serial, at)
        found.append(value)
    if at != len(payload):
        raise ValueError("a record with something behind its end")
    return found


def _value(payload: bytes, serial: int, at: int) -> tuple[Any, int]:
    if serial in (0, 8, 9):
        return (None if serial == 0 else serial - 8), at
    if serial in _INTEGERS:
        end = at + _INTEGERS[serial]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if serial == 7:
        return struct.unpack_from(">d", payload, at)[0], at + 8
    if serial < 12:
        raise ValueError("a type that no release of SQLite writes")
    end = at + (serial - 12) // 2
    data = payload[at:end]
    return (data if serial % 2 == 0 else data.decode()), end


def _variable(data: bytes, place: int) -> tuple[int, int]:
    """A variable-length integer (section 1.6), and the place after it."""
    value = 0
    for more in range(8):
        byte = data[place + more]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + more + 1
    value = value << 8 | data[place + 8]
    return value - (value >> 63 << 64), place + 9
