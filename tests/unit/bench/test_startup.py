import numpy as np

from app.catalog.sql import SqlCatalog
from app.data_dir import DataFolder
from app.snapshots import Snapshot, SnapshotFile, current
from bench.startup import fill, opening


def test_a_snapshot_of_what_was_filled_in_is_that_of_the_catalogue_and_can_be_opened(tmp_path):
    folder = DataFolder(tmp_path)
    SqlCatalog(folder.catalogue_url, bundle_id="bundle", n_bits=64).close()
    codes = fill(tmp_path / "catalogue.sqlite3", 101, 64)
    file = SnapshotFile(folder.snapshot)
    file.write(Snapshot("bundle", 64, 1, 101, codes))
    catalog = SqlCatalog(folder.catalogue_url, bundle_id="bundle", n_bits=64)
    kept = current(file.read(), catalog, n_bits=64)
    catalog.close()
    assert np.array_equal(kept["text"][0], np.arange(1, 102, 2))
    assert np.array_equal(kept["image"][1], codes["image"][1])
    assert opening(folder.snapshot, 64).value > 0
