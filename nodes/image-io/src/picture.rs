//! IMAGE tensors as the bytes of picture files.

use plugin_api::{Dtype, Error, Result, Tensor};

/// Rows from the top.
#[derive(Debug, Clone)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    /// Three bytes a pixel, four where it has an alpha channel.
    pub bytes: Vec<u8>,
    pub has_alpha: bool,
}

/// The size of an IMAGE: pictures, height, width.
pub fn size(image: &Tensor) -> Result<[i32; 3]> {
    match image.dims("the image")? {
        [count, height, width, 3] if count > 0 && height > 0 && width > 0 => Ok([count, height, width]),
        shape => Err(Error::invalid(format!("the image has the shape {shape:?}, but [n, h, w, 3] is needed"))),
    }
}

/// Every picture of an IMAGE, checked: nothing is written that cannot be a picture. `mask` `[n, h, w]`, or `[1, h, w]` for
/// all of them, is 1 where they are to be transparent.
pub fn pictures(image: &Tensor, mask: Option<&Tensor>) -> Result<Vec<Picture>> {
    let [count, height, width] = size(image)?;
    let masks = mask.map_or(Ok(0), |mask| masks(mask, [count, height, width]))?;
    (0..count)
        .map(|index| {
            let one = |x: &Tensor, index: i32| x.narrow(0, index, index + 1).as_dtype(Dtype::Float32).to_vec::<f32>();
            let rgb = bytes(&one(image, index)?).map_err(|fault| refused(index, fault))?;
            let (width, height) = (width as u32, height as u32);
            let Some(mask) = mask else { return Ok(Picture { width, height, bytes: rgb, has_alpha: false }) };
            let mask = one(mask, index.min(masks - 1))?;
            Ok(Picture { width, height, bytes: with_alpha(&rgb, &mask), has_alpha: true })
        })
        .collect()
}

/// How many masks there are: one, or one a picture, of the pictures' size.
fn masks(mask: &Tensor, [count, height, width]: [i32; 3]) -> Result<i32> {
    match mask.dims("the mask")? {
        [masks, h, w] if [h, w] == [height, width] && (masks == 1 || masks == count) => Ok(masks),
        [masks, h, w] => {
            let what = format!("{masks} masks of {w}×{h} pixels do not fit {count} pictures of {width}×{height}");
            Err(Error::invalid(what)
                .help("give a mask of the pictures' size: UpscaleImage resizes the mask that it gets"))
        }
    }
}

fn with_alpha(rgb: &[u8], mask: &[f32]) -> Vec<u8> {
    let pixels = rgb.chunks_exact(3).zip(mask);
    pixels.flat_map(|(pixel, mask)| [pixel[0], pixel[1], pixel[2], level(1.0 - mask)]).collect()
}

/// To 0..255, halves to the even side; what is no number is 0.
fn level(number: f32) -> u8 {
    (number.clamp(0.0, 1.0) * 255.0).round_ties_even() as u8
}

/// The levels, or the fault where the numbers cannot be a picture.
fn bytes(numbers: &[f32]) -> std::result::Result<Vec<u8>, &'static str> {
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err("has numbers that are not finite");
    }
    let bytes: Vec<u8> = numbers.iter().copied().map(level).collect();
    let mut pixels = bytes.chunks_exact(3);
    let first = pixels.next();
    // A single pixel is all of its picture.
    if pixels.len() > 0 && pixels.all(|pixel| Some(pixel) == first) {
        return Err("has the same colour everywhere");
    }
    Ok(bytes)
}

fn refused(index: i32, fault: &str) -> Error {
    Error::failed(format!("picture {} {fault}, so it was not saved", index + 1)).help(
        "set the loader's `precision` to float32 or bfloat16, and check that the model and the VAE belong together",
    )
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn halves_go_to_the_even_side() {
        let numbers = [0.5 / 255.0, 1.5 / 255.0, 2.5 / 255.0, -3.0, 7.0, 1.0];
        assert_eq!(bytes(&numbers), Ok(vec![0, 2, 2, 0, 255, 255]));
    }

    #[test]
    fn what_cannot_be_a_picture_is_refused() {
        assert!(bytes(&[0.1, f32::NAN, 0.2, 0.1, 0.3, 0.2]).unwrap_err().contains("finite"));
        assert!(bytes(&[0.1, f32::INFINITY, 0.2, 0.1, 0.3, 0.2]).unwrap_err().contains("finite"));
        assert!(bytes(&[0.1, 0.2, 0.3, 0.1, 0.2, 0.3]).unwrap_err().contains("same colour"));
        assert!(bytes(&[0.1, 0.2, 0.3]).is_ok());
    }
}
