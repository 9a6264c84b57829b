"""Finding pods in cgroups as each kubelet lays them out."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from load.pod_cgroups import cpu_seconds_of, pod_cgroups  # noqa: E402

UID = "6f1c0e4e-2b7d-4c58-9a33-0d9f6a1b2c3d"
UNDERSCORED = UID.replace("-", "_")
VERSION_1 = ("cpuacct.usage", "2500000000\n")
VERSION_2 = ("cpu.stat", "usage_usec 2500000\nuser_usec 1\n")
LAYOUTS = {
    "version 1": (f"cpuacct/kubepods/burstable/pod{UID}", VERSION_1),
    "version 1, joined": (f"cpu,cpuacct/kubepods/besteffort/pod{UID}", VERSION_1),
    "version 2": (f"kubepods/burstable/pod{UID}", VERSION_2),
    "version 2, guaranteed": (f"kubepods/pod{UID}", VERSION_2),
    "systemd": (
        f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice",
        VERSION_2,
    ),
}


class PodsInCgroups(unittest.TestCase):
    def test_each_layout_is_read(self):
        for name, (path, (file, text)) in LAYOUTS.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as place:
                folder = Path(place, path)
                (folder / "a-container").mkdir(parents=True)
                (folder / file).write_text(text)
                self.assertEqual(pod_cgroups(Path(place)), {UID: folder})
                self.assertEqual(cpu_seconds_of(folder), 2.5)

    def test_what_is_no_pod_is_none(self):
        with tempfile.TemporaryDirectory() as place:
            Path(place, "cpuacct/kubepods/burstable/podium").mkdir(parents=True)
            Path(place, f"cpu/kubepods/burstable/pod{UID}").mkdir(parents=True)
            self.assertEqual(pod_cgroups(Path(place)), {})

    def test_a_pod_that_went_has_no_seconds(self):
        with tempfile.TemporaryDirectory() as place:
            self.assertIsNone(cpu_seconds_of(Path(place, "gone")))


if __name__ == "__main__":
    unittest.main()
