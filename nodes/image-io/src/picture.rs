//! IMAGE tensors as the bytes of picture files.

use plugin_api::{Dtype, Error, Result, Tensor};

/// Three bytes a pixel, rows from the top.
#[derive(Debug, Clone)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

/// The size of an IMAGE: pictures, height, width.
pub fn size(image: &Tensor) -> Result<[i32; 3]> {
    match image.dims("the image")? {
        [count, height, width, 3] if count > 0 && height > 0 && width > 0 => Ok([count, height, width]),
        shape => Err(Error::invalid(format!("the image has the shape {shape:?}, but [n, h, w, 3] is needed"))),
    }
}

/// Every picture of an IMAGE, checked: nothing is written that cannot be a picture.
pub fn pictures(image: &Tensor) -> Result<Vec<Picture>> {
    let [count, height, width] = size(image)?;
    let (width, height) = (width as u32, height as u32);
    (0..count)
        .map(|index| {
            let numbers = image.narrow(0, index, index + 1).as_dtype(Dtype::Float32).to_vec::<f32>()?;
            let rgb = bytes(&numbers).map_err(|fault| refused(index, fault))?;
            Ok(Picture { width, height, rgb })
        })
        .collect()
}

/// To 0..255, halves to the even side. The fault where the numbers cannot be a picture.
fn bytes(numbers: &[f32]) -> std::result::Result<Vec<u8>, &'static str> {
    if numbers.iter().any(|number| !number.is_finite()) {
        return Err("has numbers that are not finite");
    }
    let byte = |number: &f32| (number.clamp(0.0, 1.0) * 255.0).round_ties_even() as u8;
    let bytes: Vec<u8> = numbers.iter().map(byte).collect();
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
