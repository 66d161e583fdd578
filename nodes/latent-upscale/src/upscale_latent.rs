use plugin_api::{InputKind, Node, NodeSpec, Record, Result, Run, Tensor};

/// Pixels a latent number stands for, along each side.
const PIXELS: i32 = 8;
/// The transformer takes 2 × 2 numbers at a time, so sides are even.
const TOKEN: i32 = 2;

const SCALE_HELP: &str =
    "Of both sides, in steps of 0.25; they are rounded to multiples of 16 pixels. 1 changes nothing.";
const METHOD_HELP: &str = "cubic keeps most detail, nearest gives blocks: a Sample behind it draws them anew.";

/// A latent of more pixels, for a second Sample to refine.
pub struct UpscaleLatent;

impl Node for UpscaleLatent {
    fn spec() -> NodeSpec {
        let help = "Makes a latent larger. A second Sample with denoise below 1 puts the detail in.";
        NodeSpec::new("UpscaleLatent", "latent", help)
            .link("latent", "LATENT", "What a sampler made.")
            .param("scale", InputKind::float(2.0, (1.0, 4.0), 0.25), SCALE_HELP)
            .param("method", InputKind::choice(&["cubic", "nearest", "linear"]), METHOD_HELP)
            .output("latent", "LATENT")
    }

    /// Keys besides `samples` are passed on; a mask under `noise_mask` may have any size.
    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let (latent, scale): (Record, f64) = (inputs.get("latent")?, inputs.get("scale")?);
        let samples: Tensor = latent.get("samples")?;
        let [_, _, height, width] = samples.dims("the latent")?;
        if scale == 1.0 {
            run.note(&format!("{}: unchanged", pixels(width, height)));
            return Ok(Record::new().with("latent", latent));
        }
        let size = [height, width].map(|side| scaled(side, scale));
        run.note(&told([height, width], size, scale));
        let samples = resized(&samples, size, &inputs.get::<String>("method")?);
        Ok(Record::new().with("latent", latent.with("samples", samples)))
    }
}

/// The even side next to `side` × `scale`.
fn scaled(side: i32, scale: f64) -> i32 {
    let tokens = (f64::from(side) * scale / f64::from(TOKEN)).round() as i32;
    tokens.max(1) * TOKEN
}

/// `[n, c, h, w]`, resampled with the meaning of torch's `interpolate` (`align_corners` false) to this height and width.
fn resized(samples: &Tensor, size: [i32; 2], method: &str) -> Tensor {
    samples.transpose(&[0, 2, 3, 1]).interpolate(&size, method).transpose(&[0, 3, 1, 2])
}

/// "128×128 to 256×256 pixels", and whether these are not what was asked for.
fn told([height, width]: [i32; 2], [new_height, new_width]: [i32; 2], scale: f64) -> String {
    let sizes = format!("{} to {} pixels", pixels(width, height), pixels(new_width, new_height));
    let asked = |side: i32| f64::from(side) * scale;
    if asked(height) == f64::from(new_height) && asked(width) == f64::from(new_width) {
        return sizes;
    }
    let [width, height] = [width, height].map(|side| asked(side) * f64::from(PIXELS));
    format!("{sizes}: {width}×{height} rounded to multiples of {}", TOKEN * PIXELS)
}

fn pixels(width: i32, height: i32) -> String {
    format!("{}×{}", width * PIXELS, height * PIXELS)
}

#[cfg(test)]
mod tests {
    use plugin_api::testing::TestRun;

    use super::*;

    #[test]
    fn sides_are_even() {
        let sides = |side: i32| [1.0, 1.25, 1.5, 1.75, 2.0, 4.0].map(|scale| scaled(side, scale));
        assert_eq!(sides(16), [16, 20, 24, 28, 32, 64]);
        assert_eq!(sides(6), [6, 8, 10, 10, 12, 24]);
        assert_eq!(sides(2), [2, 2, 4, 4, 4, 8]);
        assert_eq!(sides(87), [88, 108, 130, 152, 174, 348]);
    }

    #[test]
    fn what_is_told() {
        assert_eq!(told([16, 8], [32, 16], 2.0), "64×128 to 128×256 pixels");
        let rounded = "48×128 to 64×160 pixels: 60×160 rounded to multiples of 16";
        assert_eq!(told([16, 6], [20, 8], 1.25), rounded);
    }

    /// The real host's tests compare the numbers; the mock host cannot resample.
    #[test]
    fn scale_1_passes_everything_on() {
        let samples = Tensor::random_normal(&[2, 16, 3, 5], 1);
        let latent = Record::new().with("samples", &samples).with("kept", 7);
        let run = TestRun::new();
        let outputs = run.run::<UpscaleLatent>(&Record::new().with("latent", latent).with("scale", 1.0)).unwrap();
        let latent: Record = outputs.get("latent").unwrap();
        assert_eq!(latent.get::<Tensor>("samples").unwrap().to_vec::<f32>(), samples.to_vec());
        assert_eq!(latent.get::<i64>("kept"), Ok(7));
        assert_eq!(run.notes.take(), ["40×24: unchanged"]);
    }
}
