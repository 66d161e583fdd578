//! A kind of links of its own: `org.example/PALETTE` leads from the node that finds a picture's colours to the one that
//! paints with them. No other output fits that input, and nobody but this plugin looks into what travels there.

use plugin_api::{Error, InputKind, Node, NodeSpec, Opaque, Payload, Record, Result, Run, Tensor, export_plugin};

/// What the links carry: any Rust type.
struct Palette {
    /// Red, green and blue in 0..1.
    colours: Vec<[f32; 3]>,
}

impl Payload for Palette {
    const KIND: &'static str = "org.example/PALETTE";
}

/// Finds the colours that stand for a picture.
struct PickPalette;

impl Node for PickPalette {
    fn spec() -> NodeSpec {
        NodeSpec::new("PickPalette", "image/palette", "Finds the colours that a picture is made of.")
            .link("image", "IMAGE", "The picture.")
            .param("colours", InputKind::int(8, (1, 256)).soft(2, 32), "How many.")
            .output("palette", Palette::KIND)
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let pixels = sampled(&inputs.get("image")?)?;
        let palette = Palette { colours: means(&pixels, inputs.get("colours")?) };
        let rows: Vec<Vec<String>> = palette.colours.iter().map(|colour| vec![hex(*colour)]).collect();
        run.report("palette", &["colour"], &rows)?;
        Ok(Record::new().with("palette", Opaque::new(palette)))
    }
}

/// Paints a picture with the colours of another.
struct UsePalette;

impl Node for UsePalette {
    fn spec() -> NodeSpec {
        NodeSpec::new("UsePalette", "image/palette", "Gives each pixel the nearest colour of a palette.")
            .link("image", "IMAGE", "The picture.")
            .link("palette", Palette::KIND, "From PickPalette.")
            .output("image", "IMAGE")
    }

    fn run(_run: &Run, inputs: &Record) -> Result<Record> {
        let image: Tensor = inputs.get("image")?;
        let palette: Opaque<Palette> = inputs.get("palette")?;
        Ok(Record::new().with("image", painted(&image, &palette.colours)?))
    }
}

/// Some thousand pixels, evenly spread.
fn sampled(image: &Tensor) -> Result<Vec<[f32; 3]>> {
    const MOST: usize = 4096;
    let [.., channels] = image.dims::<4>("the image")?;
    let numbers: Vec<f32> = image.to_vec()?;
    let (pixels, _) = numbers.as_chunks::<3>();
    if channels != 3 || pixels.is_empty() {
        return Err(Error::invalid("a palette needs a picture with red, green and blue"));
    }
    Ok(pixels.iter().step_by(pixels.len().div_ceil(MOST)).copied().collect())
}

/// Lloyd's algorithm (k-means), which begins with pixels of evenly spread brightness.
fn means(pixels: &[[f32; 3]], count: usize) -> Vec<[f32; 3]> {
    let mut sorted = pixels.to_vec();
    sorted.sort_by(|a, b| a.iter().sum::<f32>().total_cmp(&b.iter().sum()));
    let mut colours: Vec<[f32; 3]> =
        (0..count).map(|index| sorted[(2 * index + 1) * sorted.len() / (2 * count)]).collect();
    for _ in 0..12 {
        let mut sums = vec![([0f32; 3], 0f32); count];
        for pixel in pixels {
            let nearest =
                (0..count).min_by(|&a, &b| distance(colours[a], *pixel).total_cmp(&distance(colours[b], *pixel)));
            let (sum, number) = &mut sums[nearest.unwrap_or_default()];
            sum.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
            *number += 1.0;
        }
        // A colour that no pixel is near to stays where it is.
        let found = colours.iter_mut().zip(sums).filter(|(_, (_, number))| *number > 0.0);
        found.for_each(|(colour, (sum, number))| *colour = sum.map(|x| x / number));
    }
    colours
}

fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// One colour after the other takes the pixels that it is nearer to than those before it.
fn painted(image: &Tensor, colours: &[[f32; 3]]) -> Result<Tensor> {
    let shape = image.shape()?;
    let mut best: Option<(Tensor, Tensor)> = None;
    for colour in colours {
        let colour = Tensor::from_slice(colour, &[1, 1, 1, 3]).broadcast_to(&shape);
        let distance = (image - &colour).square().sum(&[-1], true);
        best = Some(match best {
            None => (distance, colour),
            Some((least, picture)) => {
                let is_nearer = distance.less(&least);
                (is_nearer.select(&distance, &least), is_nearer.select(&colour, &picture))
            }
        });
    }
    best.map(|(_, picture)| picture).ok_or_else(|| Error::invalid("the palette is empty"))
}

/// As `#ff8000`.
fn hex(colour: [f32; 3]) -> String {
    let [red, green, blue] = colour.map(|x| (x * 255.0).round() as u8);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

export_plugin! { id: "org.example.palette", nodes: [PickPalette, UsePalette] }

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::TestRun;

    #[test]
    fn a_picture_of_two_colours_keeps_them() {
        let (dark, light) = ([0.25f32, 0.0, 0.5], [1.0f32, 0.75, 0.5]);
        let image = Tensor::from_slice(&[dark, light, light, dark].concat(), &[1, 2, 2, 3]);
        let (run, inputs) = (TestRun::new(), Record::new().with("image", &image));
        let palette = run.run::<PickPalette>(&inputs.with("colours", 2)).unwrap();
        assert_eq!(run.reports.borrow()[0].rows, [["#400080"], ["#ffbf80"]]);
        let noisy = &image + 0.03125;
        let painted = palette.with("image", noisy);
        let painted: Tensor = run.run::<UsePalette>(&painted).unwrap().get("image").unwrap();
        assert_eq!(painted.to_vec::<f32>().unwrap(), image.to_vec::<f32>().unwrap());
    }

    #[test]
    fn nothing_else_is_a_palette() {
        let image = Tensor::from_slice(&[0f32; 3], &[1, 1, 1, 3]);
        let inputs = Record::new().with("image", image).with("palette", "red");
        let error = TestRun::new().run::<UsePalette>(&inputs).unwrap_err();
        assert!(error.message.contains("org.example/PALETTE"), "{error}");
    }
}
