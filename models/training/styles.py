"""Styles for LoRAs: other ways to draw the scenes of `pictures.py`.

"night": the background keeps a quarter of its light, and every object glows in its own colour (a black one is a
silhouette before a pale light). All of it is smooth, because the demo's decoder draws no fine texture: stripes and
outlines of a few pixels come back from it smeared.
"""

import numpy as np
from PIL import Image, ImageFilter

import pictures
from pictures import SIDE

TRIGGER = "at night"
DARKNESS = 0.25  # of the background's light that stays
GLOW = 0.7  # of the object's colour, where the glow is brightest
GLOW_WIDTH = 16.0  # pixels: standard deviation of the blur
PALE = np.array([236.0, 240.0, 255.0])  # the light behind black objects


def night_caption(text):
    return f"{text} {TRIGGER}"


def glow(cover):
    """How much of the light's colour lies on every pixel, [SIDE, SIDE] in 0..GLOW, around an object's coverage."""
    soft = Image.fromarray((cover * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(GLOW_WIDTH))
    return GLOW * (1 - (1 - np.asarray(soft, np.float32) / 255) ** 3)


def light_of(name, color):
    return PALE if name == "black" else color


def paint_night(background, things):
    """The picture of a background colour and of its objects as (colour name, coverage, colour): [SIDE, SIDE, 3]."""
    picture = np.empty((SIDE, SIDE, 3), np.float32)
    picture[:] = DARKNESS * background
    for name, cover, color in things:
        pictures.blend(picture, glow(cover), light_of(name, color))
    for _, cover, color in things:
        pictures.blend(picture, cover, color)
    return picture


def draw_night(scene, rng):
    """One picture of a scene at night, uint8 [SIDE, SIDE, 3]."""
    background = pictures.tint(scene.background, rng)
    things = [(t.color, pictures.placed(t, rng), pictures.tint(t.color, rng)) for t in scene.things]
    return np.round(paint_night(background, things)).astype(np.uint8)
