"""A flame graph as one SVG: the width of a box is its share of samples; hover for its name."""

from html import escape

WIDTH = 1200
ROW = 16
NARROWEST = 0.5  # boxes below this many pixels are left out
LETTER = 6.6
TIER_COLOURS = {"gateway": 30, "order": 200, "postgres": 120}


def tree_of(stacks):
    root = {"name": "all", "count": 0, "children": {}}
    for stack, count in stacks.items():
        node = root
        node["count"] += count
        for frame in stack:
            node = node["children"].setdefault(frame, {"name": frame, "count": 0, "children": {}})
            node["count"] += count
    return root


def depth_of(node):
    return 1 + max((depth_of(child) for child in node["children"].values()), default=0)


def boxes(node, left, level, scale, hue, out):
    width = node["count"] * scale
    if width < NARROWEST:
        return
    out.append((left, level, width, node, hue))
    for child in sorted(node["children"].values(), key=lambda one: one["name"]):
        boxes(child, left, level + 1, scale, TIER_COLOURS.get(child["name"], hue), out)
        left += child["count"] * scale


def draw(stacks, title):
    root = tree_of(stacks)
    found = []
    boxes(root, 0, 0, WIDTH / root["count"], 50, found)
    height = (max(level for _, level, _, _, _ in found) + 3) * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="monospace" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fbfbf8"/>',
        f'<text x="6" y="14" font-size="13">{escape(title)}</text>',
    ]
    for left, level, width, node, hue in found:
        top = height - (level + 1) * ROW
        share = 100 * node["count"] / root["count"]
        light = 78 - (sum(node["name"].encode()) % 16)
        letters = int(width / LETTER)
        label = escape(node["name"][:letters]) if letters > 2 else ""
        parts.append(
            f'<g><title>{escape(node["name"])}: {share:.1f} %</title>'
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}" '
            f'fill="hsl({hue},65%,{light}%)"/>'
            f'<text x="{left + 2:.1f}" y="{top + 11}">{label}</text></g>'
        )
    return "\n".join([*parts, "</svg>", ""])
