//! The plan, step by step.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use weft_formats::memory::{PIXEL, text_encoder, transformer, upscaler, vae};

use super::fact::{self, Fact, File, Model, Precision, Size};
use super::params::{self, float, int, text};
use super::tiles::{self, Choice};
use super::{Foreseen, LastUse, Machine, Phase, Work, of_process, of_tensors};
use crate::graph::{Plan, Source, Step};

/// Where a walk gets what the plan does not say.
pub struct Known<'a> {
    /// Names and kinds of the outputs of a kind of node.
    pub outputs: &'a dyn Fn(&str) -> Vec<(String, String)>,
    /// What the header of a file says, [`super::read`].
    pub file: &'a mut dyn FnMut(&Path) -> Option<File>,
}

/// What the steps of `plan` that are `needed` will take.
pub fn of(plan: &Plan, needed: impl Fn(usize) -> bool, machine: Machine, known: &mut Known<'_>) -> Foreseen {
    let last_use = LastUse::of(plan, &needed);
    let mut walk = Walk { machine, known, facts: Vec::new(), held: BTreeMap::new(), foreseen: Foreseen::default() };
    for (index, step) in plan.steps().iter().enumerate() {
        let worked = if needed(index) { walk.work(step) } else { Some(()) };
        walk.foreseen.more |= worked.is_none();
        let facts = walk.outputs(step);
        walk.keep(step, &facts);
        walk.facts.push(facts);
        if machine.once {
            last_use.after(index).for_each(|output| walk.give_back(output, last_use.beyond(index)));
        }
    }
    walk.foreseen
}

struct Walk<'a, 'b> {
    machine: Machine,
    known: &'a mut Known<'b>,
    /// Of every step so far, by output.
    facts: Vec<BTreeMap<String, Fact>>,
    /// Bytes that stay, by what they are.
    held: BTreeMap<String, u64>,
    foreseen: Foreseen,
}

/// Pixels of a latent number, and of a token of the transformer, along each side.
const LATENT: u64 = 8;
const TOKEN: u64 = 16;
/// Bytes a pixel of a picture that a VAE puts together: its colours four times over.
const CANVAS: u64 = 4 * PIXEL;

impl Walk<'_, '_> {
    /// What the step takes while it runs. None where it is not known.
    fn work(&mut self, step: &Step) -> Option<()> {
        match step.kind.as_str() {
            "text-encode/EncodeText" => self.prompt(step),
            "sampler/Sample" | "sampler/MeasureLeMiCa" => self.sample(step),
            "vae/DecodeLatent" => self.vae(step, vae::Half::Decoder),
            "vae/EncodeImage" => self.vae(step, vae::Half::Encoder),
            "esrgan/UpscaleImage" => self.upscale(step),
            // Whoever takes a model and gives none computes with it.
            _ => self
                .inputs(step)
                .all(|(_, fact)| {
                    !matches!(fact, Fact::Part(_))
                        || (self.known.outputs)(&step.kind).iter().any(|(_, kind)| fact.is(kind))
                })
                .then_some(()),
        }
    }

    fn prompt(&mut self, step: &Step) -> Option<()> {
        let encoder = self.model(step, "text_encoder")?;
        let tokens = text_encoder::tokens(text(step, "text").unwrap_or_default());
        let (hidden, heads) = (encoder.number("hidden_size")?, encoder.number("num_attention_heads")?);
        // The last layer is never read; the others go with the session.
        let layers = encoder.number("num_hidden_layers")?.max(1);
        let weights = encoder.weights() / layers * (layers - 1);
        let bytes = weights.saturating_add(text_encoder::pass(hidden, heads, tokens));
        self.phase(step, Work::Prompt, [0; 2], Choice { side: None, bytes, can_be_smaller: false });
        Some(())
    }

    fn sample(&mut self, step: &Step) -> Option<()> {
        let model = self.model(step, "model")?;
        let Some(Fact::Pictures(size)) = self.fact(step, "latent") else { return None };
        let prompts = ["positive", "negative"].into_iter().filter_map(|name| match self.fact(step, name) {
            Some(Fact::Conditioning(tokens)) => Some(tokens),
            _ => None,
        });
        let prompt = prompts.max().unwrap_or(text_encoder::tokens(""));
        let network = transformer::Transformer { dim: model.number("dim")?, heads: model.number("n_heads")? };
        self.hold(&model.key, model.weights());
        let needs = |side: Option<u64>| {
            let pixels = size.pixels.map(|whole| side.map_or(whole, |side| side.min(whole)));
            network.pass(size.count, transformer::tokens(pixels, prompt))
        };
        let choice = tiles::by_text(text(step, "tile").unwrap_or("off"), &tiles::SAMPLE, self.left(), needs);
        self.phase(step, Work::Sample, size.pixels, choice);
        Some(())
    }

    fn vae(&mut self, step: &Step, half: vae::Half) -> Option<()> {
        let model = self.model(step, "vae")?;
        let (name, work) = match half {
            vae::Half::Decoder => ("latent", Work::Decode),
            vae::Half::Encoder => ("image", Work::Encode),
        };
        let Some(Fact::Pictures(size)) = self.fact(step, name) else { return None };
        let network = vae::Vae {
            channels: model.numbers("block_out_channels").filter(|channels| !channels.is_empty())?,
            has_attention: model.flag("mid_block_add_attention").unwrap_or(true),
        };
        let weights = if half == vae::Half::Decoder { model.weights() } else { model.encoder() };
        self.hold(&format!("{} {half:?}", model.key), weights);
        let with = vae::With { float32: model.width == 4, gpu: self.machine.gpu };
        let whole = size.pixels[0].saturating_mul(size.pixels[1]);
        let needs = |side: Option<u64>| {
            let pixels = size.pixels.map(|whole| side.map_or(whole, |side| side.min(whole)));
            network.pass(half, with, pixels).saturating_add(CANVAS.saturating_mul(whole).saturating_mul(size.count))
        };
        let budget = if whole > tiles::VAE_WHOLE { 0 } else { self.left() / 5 * 4 };
        let tile = text(step, "tile").unwrap_or("auto");
        let choice = tiles::by_text(tile, &tiles::VAE, budget, needs);
        self.phase(step, work, size.pixels, choice);
        Some(())
    }

    fn upscale(&mut self, step: &Step) -> Option<()> {
        let Some(Fact::Upscaler(model)) = self.fact(step, "upscale_model") else { return None };
        let Some(Fact::Pictures(Size { count, pixels: from })) = self.fact(step, "image") else { return None };
        self.hold(&model.key, model.bytes);
        let to = params::scaled(from, float(step, "scale").unwrap_or(4.0), 1);
        let (of_pixel, canvas) = (upscaler::of_pixel(&model.rrdb), upscaler::canvas(count, to));
        let needs = |side| upscaler::pass(of_pixel, from, to, side).saturating_add(canvas);
        let left = self.left();
        let choice = tiles::up_to(int(step, "tile").unwrap_or(512), left - left / 8, needs);
        self.phase(step, Work::Upscale, to, choice);
        Some(())
    }

    /// Notes what is there while a pass goes on.
    fn phase(&mut self, step: &Step, work: Work, size: [u64; 2], choice: Choice) {
        let tensors = self.held().saturating_add(choice.bytes);
        let tile = choice.side.filter(|side| size.iter().any(|whole| whole > side));
        let (bytes, can_be_smaller) = (of_process(tensors, choice.bytes), choice.can_be_smaller);
        let phase = Phase { size, tile, can_be_smaller, bytes, tensors, ..Phase::of(&step.node, work) };
        self.foreseen.phases.push(phase);
    }

    fn hold(&mut self, key: &str, bytes: u64) {
        self.held.insert(key.to_owned(), bytes);
    }

    fn held(&self) -> u64 {
        self.held.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Bytes that a pass can have.
    fn left(&self) -> u64 {
        of_tensors(self.machine.memory).saturating_sub(self.held())
    }

    /// What stays of a step besides the weights that it used: pictures, and files with changes of weights, in float32. A
    /// latent is a sixtieth of its picture.
    fn keep(&mut self, step: &Step, facts: &BTreeMap<String, Fact>) {
        if let Some(Fact::Pictures(Size { count, pixels: [height, width] })) = facts.get("image") {
            let bytes = PIXEL.saturating_mul(count.saturating_mul(height.saturating_mul(*width)));
            self.hold(&step.node, bytes);
        }
        if facts.values().any(|fact| matches!(fact, Fact::Part(_))) {
            for path in params::files(step) {
                if let Some(File::Other(bytes)) = (self.known.file)(path) {
                    self.hold(&format!("{} {}", step.node, path.display()), bytes);
                }
            }
        }
    }

    /// An output that nobody takes any more: weights go that none of the `wanted` outputs has too, as in the engine.
    fn give_back<'a>(&mut self, (step, output): (usize, &str), mut wanted: impl Iterator<Item = (usize, &'a str)>) {
        let part = |(step, output): (usize, &str)| match self.facts.get(step)?.get(output)? {
            Fact::Part(model) => Some(Rc::clone(model)),
            _ => None,
        };
        let Some(model) = part((step, output)) else { return };
        if !wanted.any(|output| part(output).is_some_and(|other| other.key == model.key)) {
            self.held.retain(|key, _| !key.starts_with(&model.key));
        }
    }
}

/// What goes into a step, and what comes out of it.
impl Walk<'_, '_> {
    fn inputs<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = (&'a str, &'a Fact)> {
        step.inputs.iter().filter_map(|(name, source)| match source {
            Source::Step { step, output } => Some((name.as_str(), self.facts.get(*step)?.get(output)?)),
            Source::Param(_) => None,
        })
    }

    fn fact(&self, step: &Step, input: &str) -> Option<Fact> {
        self.inputs(step).find(|(name, _)| *name == input).map(|(_, fact)| fact.clone())
    }

    fn model(&self, step: &Step, input: &str) -> Option<Rc<Model>> {
        match self.fact(step, input)? {
            Fact::Part(model) => Some(model),
            _ => None,
        }
    }

    fn outputs(&mut self, step: &Step) -> BTreeMap<String, Fact> {
        let outputs = (self.known.outputs)(&step.kind);
        outputs.into_iter().filter_map(|(name, kind)| Some((name, self.output(step, &kind)?))).collect()
    }

    /// What comes out as a value of `kind`: something new, or what came in of this kind.
    fn output(&mut self, step: &Step, kind: &str) -> Option<Fact> {
        let pictures = |pixels, count| Some(Fact::Pictures(Size { count, pixels }));
        match step.kind.as_str() {
            "sampler/EmptyLatent" => {
                pictures([int(step, "height")?, int(step, "width")?], int(step, "batch").unwrap_or(1))
            }
            "image-io/LoadImage" if kind == "IMAGE" => {
                let first = params::files(step).into_iter().next()?;
                pictures(crate::picture::size(first)?, 1)
            }
            "text-encode/EncodeText" => {
                Some(Fact::Conditioning(text_encoder::tokens(text(step, "text").unwrap_or_default())))
            }
            "latent-upscale/UpscaleLatent" => self.resized(step, "latent", float(step, "scale")?, TOKEN),
            "esrgan/UpscaleImage" if kind == "IMAGE" => self.resized(step, "image", float(step, "scale")?, 1),
            "vae/EncodeImage" => self.resized(step, "image", 1.0, TOKEN),
            "vae/DecodeLatent" => self.resized(step, "latent", 1.0, LATENT),
            _ => {
                let came = self.inputs(step).find(|(_, fact)| fact.is(kind)).map(|(_, fact)| fact.clone());
                came.or_else(|| self.loaded(step, kind))
            }
        }
    }

    fn resized(&self, step: &Step, input: &str, scale: f64, multiple: u64) -> Option<Fact> {
        let Some(Fact::Pictures(Size { count, pixels })) = self.fact(step, input) else { return None };
        Some(Fact::Pictures(Size { count, pixels: params::scaled(pixels, scale, multiple) }))
    }

    fn loaded(&mut self, step: &Step, kind: &str) -> Option<Fact> {
        let path = params::files(step).into_iter().next()?;
        match (self.known.file)(path)? {
            File::Other(_) => None,
            File::Upscaler(upscaler) => (kind == "UPSCALE_MODEL").then_some(Fact::Upscaler(upscaler)),
            File::Model(facts) => {
                let text = |name, default| text(step, name).unwrap_or(default);
                let (name, quantize) = (text("precision", "auto"), text("quantize", "none"));
                let precision = Precision { name, quantize, gpu: self.machine.gpu };
                Some(Fact::Part(Rc::new(Model::of(path, &facts, fact::part(kind)?, precision)?)))
            }
        }
    }
}
