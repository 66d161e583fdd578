"""How many digits Winograd's way to convolve with 3x3 kernels keeps, by the points at which polynomials are evaluated.

    python winograd.py [--channels 256] [--pieces 400]

Prints the root of the mean square error against float64, in parts of that of the results: first of the sum as it is
defined, then of F(m x m, 3 x 3) for some choices of m + 1 points; infinity is one more. Everything else is float32, and
channels are added one after the other. Pieces of a picture and kernels are random, the same in every run. Needs numpy.
"""

import argparse

import numpy as np

KERNELS, SIDE = 8, 3
# The last ones are Weft's: kernels/src/winograd.rs.
POINTS = {
    2: [(0, 1, -1)],
    4: [(0, 1, -1, 2, -2), (0, 1, -1, 0.5, -0.5), (0, 1, -1, 0.5, -2), (0, 0.75, -0.75, 1.5, -1.5)],
}


def matrices(points):
    """A, G and B transposed as Toom and Cook have them: B's rows are the products of x - p over all other points, from
    the constant on, and what Lagrange divides these by is in G."""
    m = len(points) - 1
    others = [[other for other in points if other != point] for point in points]
    divisors = [[np.prod([point - other for other in rest])] for point, rest in zip(points, others)]
    a = np.vstack([np.vander(points, m, increasing=True), np.eye(m)[-1]]).T
    g = np.vstack([np.vander(points, SIDE, increasing=True) / divisors, np.eye(SIDE)[-1]])
    b = np.vstack([np.append(np.poly(rest)[::-1], 0) for rest in others] + [np.poly(points)[::-1]])
    return [matrix.astype(np.float32) for matrix in (a, g, b)]


def by_points(points, pieces, kernels):
    a, g, b = matrices(points)
    pieces = np.einsum("ij,tcjk,lk->ctil", b, pieces, b)
    kernels = np.einsum("ij,ocjk,lk->coil", g, kernels, g)
    return np.einsum("ij,tojk,lk->toil", a, added(pieces, kernels), a)


def added(pieces, kernels):
    total = np.zeros((pieces.shape[1], kernels.shape[1], *pieces.shape[2:]), pieces.dtype)
    for piece, kernel in zip(pieces, kernels):
        total += piece[:, None] * kernel[None]
    return total


def as_defined(pieces, kernels):
    windows = np.lib.stride_tricks.sliding_window_view(pieces, (SIDE, SIDE), axis=(2, 3))
    total = 0
    for channel in range(pieces.shape[1]):
        total = total + np.einsum("tyxij,oij->toyx", windows[:, channel], kernels[:, channel])
    return total


def error(results, exact):
    return np.sqrt(np.mean((results - exact) ** 2) / np.mean(exact**2))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--pieces", type=int, default=400)
    args = parser.parse_args()
    for m, choices in POINTS.items():
        random = np.random.default_rng(0)
        side = m + SIDE - 1
        pieces = random.standard_normal((args.pieces, args.channels, side, side), np.float32)
        kernels = random.standard_normal((KERNELS, args.channels, SIDE, SIDE), np.float32)
        exact = as_defined(pieces.astype(np.float64), kernels.astype(np.float64))
        print(f"{error(as_defined(pieces, kernels), exact):.1e}  the sum as it is defined, {m}×{m} results a piece")
        for points in choices:
            print(f"{error(by_points(points, pieces, kernels), exact):.1e}  F({m}×{m}, 3×3) at {points} and infinity")


if __name__ == "__main__":
    main()
