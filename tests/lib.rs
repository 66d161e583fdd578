//! Nothing: the package holds the tests of the whole program, which stand in `weft/`.
