"""Bundles on the Hugging Face hub: found, fetched and published; whatever the hub's client raises becomes one plain line.

Decides what counts as a name on the hub, and that nothing but a bundle's own files is fetched or sent. Digests are checked by
whoever reads the folder (`model.bundle_folder`), as with any other. Does not know encoders.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model.bundle_folder import CARD, MANIFEST, read_bundle
from model.calibration import FILE_NAME as CALIBRATION
from model.errors import BundleCorrupt, BundleNotFound
from model.label_reader_file import FILE_NAME as LABELS
from model.manifest import Manifest

_ADDRESS = re.compile(r"hf:/{1,2}(?P<repository>[^@]+)(?:@(?P<revision>.+))?")  # a Path has lost one of the slashes


def hub_address(name_or_path: str | Path) -> tuple[str, str | None] | None:
    """Takes an address of the hub apart.

    Args:
        name_or_path: Anything; an address is ``hf://owner/name``, or ``hf://owner/name@revision``.

    Returns:
        Repository and revision; None if it is no such address.
    """
    found = _ADDRESS.fullmatch(str(name_or_path))
    return (found["repository"], found["revision"]) if found else None


def find_bundle(name_or_path: str | Path, *, revision: str | None = None, local_files_only: bool = False) -> Path:
    """Finds a bundle: the folder of that name, or else the hub's repository.

    Args:
        name_or_path: Folder, ``owner/name`` on the hub, or ``hf://owner/name``, which is never a folder.
        revision: Branch, tag or commit on the hub.
        local_files_only: Whether only the hub's local cache may be asked.

    Returns:
        A folder.

    Raises:
        BundleNotFound: If there is neither, the hub cannot be reached, or the repository holds no bundle.
        BundleIncompatible: If its format is another.
    """
    address = hub_address(name_or_path)
    if address is None and Path(name_or_path).is_dir():
        return Path(name_or_path)
    repository, named = address or (str(name_or_path), None)
    chosen, where = revision or named, f"no bundle at {f'hf://{repository}' if address else repository}:"
    config = fetch(repository, [MANIFEST], where=where, revision=chosen, local_files_only=local_files_only) / MANIFEST
    try:
        manifest = Manifest.from_json(config.read_bytes())
    except OSError as error:
        raise BundleNotFound(f"{where} the repository has no {MANIFEST}") from error
    except BundleCorrupt as error:
        raise BundleNotFound(f"{where} the repository holds something else ({error})") from error
    names = [MANIFEST, CARD, CALIBRATION, LABELS, *manifest.files]
    return fetch(repository, names, where=where, revision=chosen, local_files_only=local_files_only)


def fetch(
    repository: str, names: Sequence[str], *, where: str, revision: str | None = None, local_files_only: bool = False
) -> Path:
    """Fetches files of a repository, as far as they are there, into the hub's cache, which is asked first.

    Args:
        repository: ``owner/name``.
        names: Of the files.
        where: How an error's message begins.
        revision: Branch, tag or commit.
        local_files_only: Whether only the cache may be asked.

    Returns:
        The folder of that commit in the cache.

    Raises:
        BundleNotFound: If there is no such repository or revision, or the hub cannot be reached and the cache has none.
    """
    hub = _client(where)
    wanted = {"revision": revision, "local_files_only": local_files_only}
    try:
        return Path(hub.snapshot_download(repository, allow_patterns=list(names), **wanted))
    except hub.errors.HFValidationError as error:
        raise BundleNotFound(f"{where} no such folder, and not the name of a repository (owner/name)") from error
    except hub.errors.RevisionNotFoundError as error:
        raise BundleNotFound(f"{where} the repository has no revision {revision!r}") from error
    except hub.errors.RepositoryNotFoundError as error:
        told = "no such folder, and no such repository on the hub; for private ones, `hf auth login`"
        raise BundleNotFound(f"{where} {told}") from error
    except hub.errors.LocalEntryNotFoundError as error:
        told = "no such folder, and the hub's cache has no such repository"
        raise BundleNotFound(f"{where} {told}{'' if local_files_only else ', nor can the hub be reached'}") from error
    except hub.errors.HfHubHTTPError.__bases__ as error:  # the HTTP client's own error, whichever it is, and OSError
        raise BundleNotFound(f"{where} the hub does not give it: {_line(error)}") from error


def publish(folder: Path, repository: str, *, private: bool = False, revision: str | None = None, message: str = "") -> str:
    """Sends a bundle to the hub, in one commit.

    Args:
        folder: Of the bundle; its digests are checked first.
        repository: ``owner/name``; made if there is none.
        private: Whether a new repository is.
        revision: Branch that the commit goes to; the main one if None.
        message: Of the commit.

    Returns:
        The commit's address.

    Raises:
        BundleCorrupt: If a file is missing or damaged, or its digest is not the manifest's.
        BundleIncompatible: If its format is another.
        BundleNotFound: If the hub cannot be reached or does not take it.
    """
    manifest, _ = read_bundle(folder)
    hub = _client(f"{repository} cannot be published:")
    try:
        hub.HfApi().create_repo(repository, private=private, exist_ok=True)
        done = hub.HfApi().upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=[MANIFEST, CARD, CALIBRATION, LABELS, *manifest.files],
            revision=revision,
            commit_message=message or f"Bundle of {manifest.n_bits} bits",
        )
    except (hub.errors.HFValidationError, *hub.errors.HfHubHTTPError.__bases__) as error:
        raise BundleNotFound(f"{repository} cannot be published: {_line(error)}; is there a token (`hf auth login`)?") from error
    return str(done.commit_url)


def _client(where: str) -> Any:
    try:
        import huggingface_hub.errors  # here: a service of local bundles does without
    except ImportError as error:
        raise BundleNotFound(f"{where} for bundles of the hub, pip install 'bitlens[hub]'") from error
    return huggingface_hub


def _line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
