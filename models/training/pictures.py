"""The drawing program: scenes of plain shapes, their captions and their pictures.

A scene is what a caption can say: one or two objects (size, colour, shape, position) on a plain
background. Exact position, size and colour vary a little from picture to picture, so that a seed
matters, but never so far that the caption becomes ambiguous.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

SIDE = 128

COLORS = {
    "red": (218, 36, 40),
    "orange": (242, 128, 20),
    "yellow": (250, 214, 44),
    "green": (38, 156, 72),
    "cyan": (60, 204, 220),
    "blue": (38, 78, 212),
    "purple": (128, 50, 176),
    "pink": (250, 156, 196),
    "white": (250, 250, 250),
    "black": (22, 22, 26),
}

# Radius in pixels of the circle of that size; the other shapes cover about the same area.
SIZES = {"small": 11.0, "medium": 17.0, "large": 24.0}

# Offset from the centre, in units of OFFSET pixels, y down, and how a caption says it.
OFFSET = 29
POSITIONS = {
    "center": ((0, 0), "in the center"),
    "left": ((-1, 0), "on the left"),
    "right": ((1, 0), "on the right"),
    "top": ((0, -1), "at the top"),
    "bottom": ((0, 1), "at the bottom"),
}
PAIRS = [("left", "right"), ("top", "bottom")]

POSITION_JITTER = 1.5  # pixels
SIZE_JITTER = 0.03  # share of the size
COLOR_JITTER = 4.0  # of 255
TWO_OBJECTS = 0.3  # share of the scenes
SUPERSAMPLING = 8


def _regular(corners, radius, turn=0.0):
    angles = turn + 2 * math.pi * np.arange(corners) / corners
    return np.stack([radius * np.sin(angles), -radius * np.cos(angles)], 1)


def _star():
    points = _regular(10, 1.0)
    points[1::2] *= 0.45
    return points * 1.24 + (0, 0.08)


def _heart():
    t = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x, y - 2.5], 1) * (1.08 / 16)


def _cross(arm=0.36, reach=1.05):
    a, r = arm, reach
    return np.array([(-a, -r), (a, -r), (a, -a), (r, -a), (r, a), (a, a),
                     (a, r), (-a, r), (-a, a), (-r, a), (-r, -a), (-a, -a)])


# Outlines around (0, 0) for radius 1; a second outline is a hole.
SHAPES = {
    "circle": [_regular(72, 1.0)],
    "square": [_regular(4, 1.25, math.pi / 4)],
    "triangle": [_regular(3, 1.3) + (0, 0.28)],
    "star": [_star()],
    "heart": [_heart()],
    "ring": [_regular(72, 1.1), _regular(72, 0.62)],
    "cross": [_cross()],
    "diamond": [_regular(4, 1.0) * (0.92, 1.25)],
}


@dataclass(frozen=True)
class Thing:
    size: str
    color: str
    shape: str
    position: str


@dataclass(frozen=True)
class Scene:
    things: tuple
    background: str


def random_scene(rng):
    """Any scene a caption can describe; objects never have the background's colour."""
    background = str(rng.choice(list(COLORS)))
    colors = [c for c in COLORS if c != background]
    shapes = list(SHAPES)
    if rng.random() < TWO_OBJECTS:
        places = PAIRS[rng.integers(len(PAIRS))]
        sizes = ("medium", "medium")  # two of them always fit side by side
    else:
        places = (str(rng.choice(list(POSITIONS))),)
        sizes = (str(rng.choice(list(SIZES))),)
    things = tuple(
        Thing(size, colors[rng.integers(len(colors))], shapes[rng.integers(len(shapes))], place)
        for size, place in zip(sizes, places)
    )
    return Scene(things, background)


def _phrase(thing, with_position=True):
    words = ["a"] + ([] if thing.size == "medium" else [thing.size]) + [thing.color, thing.shape]
    if words[1][0] in "aeiou":
        words[0] = "an"
    return " ".join(words + ([POSITIONS[thing.position][1]] if with_position else []))


def caption(scene, rng=None):
    """The caption of a scene. Without `rng` the canonical one (left or top object first).

    With `rng` two objects come in either order, and what is the default may go unsaid now and then:
    the centre, and a white background.
    """
    things, white, center = list(scene.things), scene.background == "white", False
    say_background = True
    if rng is not None:
        if len(things) == 2 and rng.random() < 0.5:
            things.reverse()
        center = len(things) == 1 and things[0].position == "center" and rng.random() < 0.4
        say_background = not (white and rng.random() < 0.4)
    text = " and ".join(_phrase(t, not center) for t in things)
    article = "an" if scene.background[0] in "aeiou" else "a"
    return f"{text} on {article} {scene.background} background" if say_background else text


def held_out(scene):
    """True for the one scene in forty that no training ever sees.

    The hash is taken of the canonical caption, so no other wording of it is trained on either.
    """
    return hashlib.sha256(caption(scene).encode()).digest()[0] % 40 == 0


HARD = {"ring", "star", "cross"}  # thin at the small size, and learned last


def training_scene(rng, hard=False):
    """A scene that is not held out. Of those with objects of medium size only every other one is
    taken: all scenes with two objects are such, and small and large objects would be seen too seldom.
    With `hard`, nearly half of the scenes are small objects of the HARD shapes, for a last round."""
    while True:
        scene = random_scene(rng)
        if hard and not (scene.things[0].size == "small" and scene.things[0].shape in HARD) and rng.random() > 0.12:
            continue
        medium = all(t.size == "medium" for t in scene.things)
        if not held_out(scene) and not (medium and rng.random() < 0.5):
            return scene


def held_out_scenes(count, seed=0):
    """`count` different held-out scenes."""
    rng, scenes = np.random.default_rng(seed), {}
    while len(scenes) < count:
        scene = random_scene(rng)
        if held_out(scene):
            scenes[caption(scene)] = scene
    return list(scenes.values())


def coverage(shape, x, y, radius, side=SIDE, angle=0.0):
    """Anti-aliased coverage of a shape, [side, side] in 0..1: supersampled, then averaged."""
    s = SUPERSAMPLING
    reach = radius * 1.6 + 2
    x0, y0 = max(0, int(x - reach)), max(0, int(y - reach))
    x1, y1 = min(side, int(x + reach) + 1), min(side, int(y + reach) + 1)
    out = np.zeros((side, side), np.float32)
    if x1 <= x0 or y1 <= y0:
        return out
    mask = Image.new("L", ((x1 - x0) * s, (y1 - y0) * s))
    pen = ImageDraw.Draw(mask)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    for outline, fill in zip(SHAPES[shape], (255, 0)):
        points = (outline @ turn * radius + (x - x0, y - y0)) * s
        pen.polygon([tuple(p) for p in points], fill=fill)
    out[y0:y1, x0:x1] = np.asarray(mask.reduce(s), np.float32) / 255
    return out


def blend(picture, cover, color):
    picture += cover[..., None] * (np.asarray(color, np.float32) - picture)


def blank(color, scale=1):
    """A picture of one colour, float32 [SIDE * scale, SIDE * scale, 3]."""
    return np.tile(np.asarray(color, np.float32), (SIDE * scale, SIDE * scale, 1))


def center_of(position):
    (dx, dy), _ = POSITIONS[position]
    return SIDE / 2 + OFFSET * dx, SIDE / 2 + OFFSET * dy


def tint(name, rng):
    """A colour as a picture shows it, a little off the one of that name."""
    return np.clip(np.array(COLORS[name]) + rng.uniform(-COLOR_JITTER, COLOR_JITTER, 3), 0, 255)


def placed(thing, rng, scale=1):
    """The coverage of an object, a little off its place and size; `scale` times as large."""
    x, y = np.array(center_of(thing.position)) + rng.uniform(-POSITION_JITTER, POSITION_JITTER, 2)
    radius = SIZES[thing.size] * (1 + rng.uniform(-SIZE_JITTER, SIZE_JITTER))
    return coverage(thing.shape, x * scale, y * scale, radius * scale, side=SIDE * scale)


def draw(scene, rng, scale=1):
    """One picture of a scene, uint8 [SIDE * scale, SIDE * scale, 3]: the same scene and an `rng` in the same state give
    the same picture at any scale."""
    picture = blank(tint(scene.background, rng), scale)
    for thing in scene.things:
        blend(picture, placed(thing, rng, scale), tint(thing.color, rng))
    return np.round(picture).astype(np.uint8)


def draw_anything(rng, scale=1):
    """A picture for the autoencoder: any colours, a gradient now and then, turned and overlapping
    shapes. More varied than the captions, so that the codec learns edges and colours, not scenes."""
    picture = blank(rng.uniform(0, 255, 3), scale)
    if rng.random() < 0.25:
        slope = (np.arange(SIDE * scale, dtype=np.float32) + 0.5) / (SIDE * scale / 2) - 1
        ramp = slope[:, None] * rng.uniform(-1, 1) + slope * rng.uniform(-1, 1)
        picture += ramp[..., None] * rng.uniform(-60, 60, 3)
    for _ in range(rng.integers(1, 7)):
        shape = list(SHAPES)[rng.integers(len(SHAPES))]
        x, y = rng.uniform(0, SIDE, 2)
        radius, angle = rng.uniform(7, 34), rng.uniform(0, 2 * math.pi)
        cover = coverage(shape, x * scale, y * scale, radius * scale, SIDE * scale, angle)
        blend(picture, cover, rng.uniform(0, 255, 3))
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
