"""Another version of a room: the same image under another tag, as a release that changed nothing
that a test would have to build."""

from node_images import NodeImages, full_name

SUFFIX = "-once-more"


class SecondVersion:
    """`with SecondVersion(kubectl, pod) as image: ...`; the tag is removed afterwards."""

    def __init__(self, kubectl, pod):
        self._images = NodeImages(pod)
        item = kubectl.json("get", "pod", pod.name)
        self._image = full_name(item["spec"]["containers"][0]["image"])

    def __enter__(self):
        self._images.run("tag", "--force", self._image, self._image + SUFFIX)
        return self._image + SUFFIX

    def __exit__(self, kind, error, trace):
        self._images.run("remove", self._image + SUFFIX)
