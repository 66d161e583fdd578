//! `mlx-bindings <mlx-c> <compat.h> <bindings.rs>`: what the build script of mlx-sys does on macOS.

use std::{env, error::Error, fs};

/// mlx-rs reads the first field of this type and takes `bfloat16_t` for a plain `u16`.
const FLOAT16: &str = "#[repr(transparent)]
#[derive(Default, Clone, Copy, Debug)]
pub struct float16_t(pub u16);";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [mlx_c, compat, out] = &args[..] else {
        return Err("usage: mlx-bindings <mlx-c> <compat.h> <bindings.rs>".into());
    };

    let mut headers = Vec::new();
    for entry in fs::read_dir(format!("{mlx_c}/mlx/c"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "h") {
            headers.push(path.display().to_string());
        }
    }
    headers.sort();

    bindgen::Builder::default()
        .header(compat)
        .headers(headers)
        .clang_arg(format!("-I{mlx_c}"))
        .blocklist_function("malloc|realloc")
        .blocklist_type("float16_t")
        .raw_line(FLOAT16)
        .formatter(bindgen::Formatter::None)
        .generate()?
        .write_to_file(out)?;
    Ok(())
}
