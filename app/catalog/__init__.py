"""The table of catalogues: one line a variant."""

from __future__ import annotations

from app.catalog.base import Catalog
from app.catalog.sql import SqlCatalog
from app.catalog.sql_database import identity_of
from app.catalog.sql_other_codes import SqlOtherCodes, folder_of


def open_catalog(url: str, *, bundle_id: str, n_bits: int) -> Catalog:
    """Returns the catalogue at a database address; a new one is made if there is none.

    Args:
        url: SQLAlchemy address, such as ``sqlite:////data/catalog.sqlite3``.
        bundle_id: The bundle that is served.
        n_bits: Bits of one of its codes.

    Returns:
        The catalogue; close it when done.
    """
    return SqlCatalog(url, bundle_id=bundle_id, n_bits=n_bits)


def open_existing(url: str) -> Catalog:
    """Returns a catalogue that is there, whatever bundle it belongs to.

    Args:
        url: SQLAlchemy address.

    Returns:
        The catalogue; close it when done.

    Raises:
        CatalogError: If it is no catalogue.
    """
    bundle_id, n_bits = identity_of(url)
    return SqlCatalog(url, bundle_id=bundle_id, n_bits=n_bits)


def open_other_codes(url: str, *, other_id: str, other_bits: int, folder: str) -> SqlOtherCodes:
    """Returns another bundle's codes of a catalogue that is there.

    Args:
        url: SQLAlchemy address.
        other_id: The other bundle.
        other_bits: Bits of one of its codes.
        folder: Where it lies.

    Returns:
        The codes; close them when done.
    """
    return SqlOtherCodes(url, other_id=other_id, other_bits=other_bits, folder=folder)


def served_bundle(url: str) -> tuple[str, str | None]:
    """Reads whose codes a catalogue holds, and where that bundle lies if a re-index has made them.

    Args:
        url: SQLAlchemy address of a catalogue that is there.

    Returns:
        The bundle's id and its folder, or None if that is not known.

    Raises:
        CatalogError: If it is no catalogue.
    """
    bundle_id, _ = identity_of(url)
    return bundle_id, folder_of(url, bundle_id)
