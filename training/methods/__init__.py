"""The table of hashing methods: the only place outside the wiring that knows which ones there are.

To add one: a file here, a line in the table, a configuration, a test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.methods.base import HashingMethod
from training.methods.dcmh import Dcmh, DcmhOptions
from training.methods.hero import Hero, HeroOptions
from training.methods.itq import Itq, ItqOptions
from training.methods.nrch import Nrch, NrchOptions
from training.methods.random_projection import RandomProjection
from training.methods.rmsh import Rmsh, RmshOptions
from training.methods.scbch import Scbch, ScbchOptions
from training.methods.supcon import Supcon, SupconOptions
from training.methods.ucch import Ucch, UcchOptions
from training.methods.without_epochs import JointSpaceOptions


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """A row of the table.

    Attributes:
        options_type: Dataclass of the method's own settings; configurations are checked against its annotations.
        create: Makes the method from its options, ``n_train`` and ``n_labels``.
        title: What reports call it.
    """

    options_type: type[Any]
    create: Callable[..., HashingMethod]
    title: str


METHODS: dict[str, MethodEntry] = {
    "scbch": MethodEntry(ScbchOptions, Scbch, "SCBCH"),
    "hero": MethodEntry(HeroOptions, Hero, "HERO"),
    "rmsh": MethodEntry(RmshOptions, Rmsh, "RMSH (reconstructed from the abstract)"),
    "dcmh": MethodEntry(DcmhOptions, Dcmh, "DCMH (on fixed features)"),
    "supcon": MethodEntry(SupconOptions, Supcon, "Supervised contrastive"),
    "ucch": MethodEntry(UcchOptions, Ucch, "UCCH (without memory)"),
    "nrch": MethodEntry(NrchOptions, Nrch, "NRCH (on fixed features)"),
    "itq": MethodEntry(ItqOptions, Itq, "CCA-ITQ"),
    "random_projection": MethodEntry(JointSpaceOptions, RandomProjection, "CCA and random projections"),
}
