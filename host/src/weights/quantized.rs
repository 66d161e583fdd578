//! Tensors that others of the same model belong to: scales of float8, and MLX's scales and biases.

use std::collections::BTreeMap;
use std::rc::Rc;

use plugin_api::{Dtype, Error, Result};

use super::Entry;
use super::coding::{Affine, Coding};

/// Packed formats that are not read, by the end of a name that no other has.
const REFUSED: [(&str, &str); 12] = [
    (".weight_scale_2", "NVFP4"),
    (".wscales", "SVDQuant (Nunchaku)"),
    (".smooth_factor", "SVDQuant (Nunchaku)"),
    (".proj_down", "SVDQuant (Nunchaku)"),
    (".svd_up", "SDNQ"),
    (".svd_down", "SDNQ"),
    (".zero_point", "SDNQ"),
    (".qzeros", "GPTQ or AWQ"),
    (".bitsandbytes__nf4", "bitsandbytes NF4"),
    (".bitsandbytes__fp4", "bitsandbytes FP4"),
    (".absmax", "bitsandbytes"),
    (".SCB", "bitsandbytes INT8"),
];
/// Names of a float8 matrix's scale, behind the matrix's own.
const SCALES: [&str; 2] = ["scale_weight", "weight_scale"];
/// What says how products with the matrix were made, and which type it has: of no use here.
const UNUSED: [&str; 2] = ["scale_input", "input_scale"];
/// Marks a layer, and says its type in JSON.
const LAYER_MARK: &str = "comfy_quant";
/// Marks a whole file.
const FILE_MARK: &str = "scaled_fp8";

/// The tensors proper, with what belongs to each.
///
/// # Errors
/// Numbers that are packed in a way that is not read, by its name.
pub fn resolve(entries: Vec<Entry>) -> Result<Vec<Entry>> {
    refuse(&entries)?;
    let mut all: BTreeMap<String, Entry> = entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
    all.retain(|name, _| name.rsplit('.').next() != Some(FILE_MARK));
    let matrices: Vec<String> = all.keys().filter_map(|name| name.strip_suffix("weight").map(str::to_owned)).collect();
    for base in matrices {
        scaled(&mut all, &base)?;
        affine(&mut all, &base)?;
    }
    Ok(all.into_values().collect())
}

fn refuse(entries: &[Entry]) -> Result<()> {
    let found = REFUSED.iter().find_map(|(end, what)| {
        entries.iter().find(|entry| entry.name.ends_with(end)).map(|entry| packed(entry, what))
    });
    found.map_or(Ok(()), Err)
}

fn packed(entry: &Entry, what: &str) -> Error {
    Error::file(format!("{} is packed as {what} (`{}`), which Weft does not read", entry.file, entry.name))
        .help("use the bfloat16, float8 or GGUF file of the model")
}

/// Gives the matrix `base` + `weight` its scale.
fn scaled(all: &mut BTreeMap<String, Entry>, base: &str) -> Result<()> {
    UNUSED.iter().for_each(|name| drop(all.remove(&format!("{base}{name}"))));
    if let Some(mark) = all.remove(&format!("{base}{LAYER_MARK}")) {
        let text = String::from_utf8_lossy(&mark.numbers()?).into_owned();
        let mark_says = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
        if let Some(format) = mark_says["format"].as_str().filter(|format| !format.starts_with("float8_")) {
            return Err(packed(&mark, &format.chars().filter(|c| !c.is_control()).take(40).collect::<String>()));
        }
    }
    let Some(scale) = SCALES.iter().find_map(|name| all.remove(&format!("{base}{name}"))) else { return Ok(()) };
    let Some(matrix) = all.get_mut(&format!("{base}weight")) else { return Ok(()) };
    if !matrix.stored.starts_with("F8_") {
        return Err(packed(matrix, &format!("{} with scales", matrix.stored)));
    }
    let scales = float32(&scale)?;
    if scales.len() != 1 && matrix.shape.first().is_none_or(|rows| *rows as usize != scales.len()) {
        return Err(packed(&scale, &format!("float8 with {} scales", scales.len())));
    }
    matrix.coding = Coding::Scaled(scales.into());
    Ok(())
}

fn float32(entry: &Entry) -> Result<Vec<f32>> {
    let (_, data) = entry.decoded()?;
    let width = data.len() / entry.shape.iter().product::<i32>().max(1) as usize;
    let dtype = weft_formats::Dtype::named(if width == 4 { "F32" } else { &entry.stored });
    Ok(data.chunks_exact(width.max(1)).map(|number| weft_formats::float::read(dtype, number) as f32).collect())
}

/// Makes the packed matrix `base` + `weight` one of numbers.
fn affine(all: &mut BTreeMap<String, Entry>, base: &str) -> Result<()> {
    let name = format!("{base}weight");
    let is_packed = all.get(&name).is_some_and(|matrix| matrix.stored == "U32" && matrix.shape.len() == 2);
    let (scales, biases) = (format!("{base}scales"), format!("{base}biases"));
    if !is_packed || !all.contains_key(&scales) || !all.contains_key(&biases) {
        return Ok(());
    }
    let (Some(mut matrix), Some(scales), Some(biases)) = (all.remove(&name), all.remove(&scales), all.remove(&biases))
    else {
        return Ok(());
    };
    let (bits, group) = bits(&matrix, &scales)?;
    matrix.shape = vec![matrix.shape[0], scales.shape[1] * group];
    matrix.dtype = scales.dtype;
    matrix.coding = Coding::Affine(Rc::new(Affine { scales, biases, bits, group }));
    all.insert(name, matrix);
    Ok(())
}

/// Bits a number and numbers a group: as a `config.json` beside the file says, else for groups of 64.
fn bits(matrix: &Entry, scales: &Entry) -> Result<(i32, i32)> {
    let odd = || packed(matrix, &format!("{:?} with scales {:?}", matrix.shape, scales.shape));
    let [rows, groups] = scales.shape[..] else { return Err(odd()) };
    let config = std::fs::read_to_string(matrix.file.path.with_file_name("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap_or_default();
    let said = config["quantization"]["group_size"].as_i64().and_then(|size| i32::try_from(size).ok());
    let group = said.unwrap_or(64);
    let bits = matrix.shape[1].checked_mul(32).zip(groups.checked_mul(group)).filter(|(_, columns)| *columns > 0);
    let bits = bits.filter(|(all, columns)| all % columns == 0).map(|(all, columns)| all / columns);
    let is_float = matches!(scales.dtype, Some(Dtype::Float32 | Dtype::Float16 | Dtype::Bfloat16));
    match bits {
        Some(bits @ (2 | 3 | 4 | 5 | 6 | 8))
            if rows == matrix.shape[0] && [32, 64, 128].contains(&group) && is_float =>
        {
            Ok((bits, group))
        }
        _ => Err(odd()),
    }
}
