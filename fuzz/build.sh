# Builds the program that holds all targets, for the scripts beside this file.

# cargo-fuzz sets RUSTFLAGS, which takes the place of the flags in .cargo/mlx.toml: the program would not find MLX.
if [[ -e ../.cargo/mlx.toml ]]; then
  library=$(sed -n 's/.*"native=\(.*\)".*/\1/p' ../.cargo/mlx.toml)
  export LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
# It takes no --locked either.
cargo +nightly fetch --locked
cargo +nightly fuzz build --fuzz-dir . any
