//! Pictures on the graphics card.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Color32, ColorImage, Context, TextureFilter, TextureHandle, TextureOptions};

use super::decode::{Source, Thread, pixels_of, small};
use crate::queue::Picture;

/// Textures that are kept, unless more of them are in sight.
const KEPT: usize = 256;
/// Bytes of them.
const KEPT_BYTES: usize = 512 << 20;

/// Pictures on the graphics card, by the file or the memory that they came from.
#[derive(Default)]
pub struct Textures {
    slots: HashMap<Key, Slot>,
    /// Holds what the textures were made from, so that no other picture comes to lie at the same address.
    pictures: HashMap<usize, Arc<Picture>>,
    thread: Option<Thread<Key>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// A file, at most so many pixels a side.
    File(PathBuf, u32),
    /// A picture by its address, at most so many pixels a side.
    Small(usize, u32),
    /// A whole picture by its address; its pixels stay squares when it is enlarged.
    Whole(usize, bool),
}

struct Slot {
    /// None while it is read, and for ever where that failed.
    texture: Option<TextureHandle>,
    /// The frame that showed it last.
    used: u64,
}

impl Textures {
    /// The picture as a texture. Pictures that nothing shows any more go with [`Textures::clean`].
    pub fn picture(&mut self, ctx: &Context, picture: &Arc<Picture>) -> TextureHandle {
        self.whole(ctx, picture, false)
    }

    /// The picture with its pixels as squares, for enlarging it far.
    pub fn pixels(&mut self, ctx: &Context, picture: &Arc<Picture>) -> TextureHandle {
        self.whole(ctx, picture, true)
    }

    /// The picture, at most `side` pixels a side; none until it is ready.
    pub fn thumbnail(&mut self, ctx: &Context, picture: &Arc<Picture>, side: u32) -> Option<TextureHandle> {
        let key = Key::Small(self.hold(picture), side);
        self.later(ctx, key, || Source::Picture(picture.clone(), side))
    }

    /// A file's picture, at most `side` pixels a side; none until it is read, and where it cannot be read.
    pub fn file(&mut self, ctx: &Context, path: &Path, side: u32) -> Option<TextureHandle> {
        self.later(ctx, Key::File(path.to_owned(), side), || Source::File(path.to_owned(), side))
    }

    /// Frees the textures of pictures that only this still holds.
    pub fn clean(&mut self) {
        self.pictures.retain(|_, picture| Arc::strong_count(picture) > 1);
        let pictures = &self.pictures;
        self.slots.retain(|key, _| match key {
            Key::File(..) => true,
            Key::Small(address, _) | Key::Whole(address, _) => pictures.contains_key(address),
        });
    }

    fn hold(&mut self, picture: &Arc<Picture>) -> usize {
        let address = Arc::as_ptr(picture).addr();
        self.pictures.entry(address).or_insert_with(|| picture.clone());
        address
    }

    fn whole(&mut self, ctx: &Context, picture: &Arc<Picture>, is_sharp: bool) -> TextureHandle {
        let key = Key::Whole(self.hold(picture), is_sharp);
        let used = ctx.cumulative_frame_nr();
        if let Some(Slot { texture: Some(texture), used: last }) = self.slots.get_mut(&key) {
            *last = used;
            return texture.clone();
        }
        let most = ctx.input(|input| input.max_texture_side);
        let texture = upload(ctx, whole_image(picture, most), is_sharp);
        self.keep(key, Slot { texture: Some(texture.clone()), used });
        texture
    }

    /// What the thread made of `key`; asks it the first time.
    fn later(&mut self, ctx: &Context, key: Key, source: impl FnOnce() -> Source) -> Option<TextureHandle> {
        self.receive(ctx);
        let used = ctx.cumulative_frame_nr();
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.used = used;
            return slot.texture.clone();
        }
        if self.thread.is_none() {
            self.thread = Thread::start();
        }
        if let Some(thread) = &self.thread {
            thread.order(key.clone(), source(), ctx);
        }
        self.keep(key, Slot { texture: None, used });
        None
    }

    fn receive(&mut self, ctx: &Context) {
        let Some(thread) = &self.thread else { return };
        for (key, image) in thread.finished() {
            // The slot is gone where its picture is.
            if let (Some(slot), Some(image)) = (self.slots.get_mut(&key), image) {
                slot.texture = Some(upload(ctx, image, false));
            }
        }
    }

    /// Adds a slot, and drops those that were out of sight the longest where there are too many.
    fn keep(&mut self, key: Key, slot: Slot) {
        let now = slot.used;
        self.slots.insert(key, slot);
        let bytes = |slot: &Slot| slot.texture.as_ref().map_or(0, TextureHandle::byte_size);
        let mut total: usize = self.slots.values().map(bytes).sum();
        while self.slots.len() > KEPT || total > KEPT_BYTES {
            // What this frame or the last one showed stays, however much it is.
            let hidden = self.slots.iter().filter(|(_, slot)| slot.used + 1 < now);
            let Some(oldest) = hidden.min_by_key(|(_, slot)| slot.used).map(|(key, _)| key.clone()) else { break };
            total -= self.slots.remove(&oldest).as_ref().map_or(0, bytes);
        }
    }
}

/// The whole picture, or as much of its detail as the graphics card takes.
fn whole_image(picture: &Picture, most: usize) -> ColorImage {
    let size = [picture.width as usize, picture.height as usize];
    let is_whole = picture.rgba.len() as u64 == 4 * u64::from(picture.width) * u64::from(picture.height);
    if size.contains(&0) || !is_whole {
        return ColorImage::filled([1, 1], Color32::TRANSPARENT);
    }
    if size[0].max(size[1]) <= most {
        return ColorImage::from_rgba_unmultiplied(size, &picture.rgba);
    }
    pixels_of(picture.clone()).map_or_else(
        || ColorImage::filled([1, 1], Color32::TRANSPARENT),
        |image| small(image, u32::try_from(most).unwrap_or(u32::MAX)),
    )
}

fn upload(ctx: &Context, image: ColorImage, is_sharp: bool) -> TextureHandle {
    let smooth = TextureOptions::LINEAR.with_mipmap_mode(Some(TextureFilter::Linear));
    let sharp = TextureOptions { magnification: TextureFilter::Nearest, ..smooth };
    ctx.load_texture("picture", image, if is_sharp { sharp } else { smooth })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> Arc<Picture> {
        let rgba = [10, 20, 30, 255].repeat((width * height) as usize);
        Arc::new(Picture { width, height, rgba, file: None, is_preview: false })
    }

    fn wait<T>(mut found: impl FnMut() -> Option<T>) -> Option<T> {
        // A minute: only a hang meets it.
        for _ in 0..6000 {
            if let Some(found) = found() {
                return Some(found);
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        None
    }

    #[test]
    fn a_picture_has_one_texture_until_nothing_shows_it() {
        let (ctx, mut textures) = (Context::default(), Textures::default());
        let fox = picture(8, 4);
        let texture = textures.picture(&ctx, &fox);
        assert_eq!(texture.size(), [8, 4]);
        assert_eq!(textures.picture(&ctx, &fox).id(), texture.id());
        assert_ne!(textures.pixels(&ctx, &fox).id(), texture.id());
        textures.clean();
        assert_eq!(textures.slots.len(), 2);
        drop(fox);
        textures.clean();
        assert!(textures.slots.is_empty() && textures.pictures.is_empty());
    }

    #[test]
    fn odd_pictures_do_no_harm() {
        let (ctx, mut textures) = (Context::default(), Textures::default());
        let cut = Arc::new(Picture { rgba: vec![0; 7], ..(*picture(8, 4)).clone() });
        assert_eq!(textures.picture(&ctx, &cut).size(), [1, 1]);
        assert_eq!(textures.picture(&ctx, &picture(0, 4)).size(), [1, 1]);
        assert!(textures.thumbnail(&ctx, &cut, 64).is_none());
        let most = ctx.input(|input| input.max_texture_side);
        let wide = picture(u32::try_from(most).unwrap() + 2, 1);
        assert_eq!(textures.picture(&ctx, &wide).size(), [most, 1]);
    }

    #[test]
    fn files_come_small_and_broken_ones_never() {
        let folder = tempfile::tempdir().unwrap();
        let (good, broken) = (folder.path().join("fox.png"), folder.path().join("broken.png"));
        image::RgbaImage::from_pixel(300, 100, image::Rgba([1, 2, 3, 255])).save(&good).unwrap();
        std::fs::write(&broken, b"\x89PNG\r\n\x1a\nno more").unwrap();
        let (ctx, mut textures) = (Context::default(), Textures::default());
        for path in [&broken, &folder.path().join("missing.png")] {
            assert!(textures.file(&ctx, path, 64).is_none());
        }
        let texture = wait(|| textures.file(&ctx, &good, 64)).unwrap();
        assert_eq!(texture.size(), [64, 21]);
        // The files before it are done by then.
        assert!(textures.file(&ctx, &broken, 64).is_none());
    }

    #[test]
    fn thumbnails_are_made_from_memory() {
        let (ctx, mut textures) = (Context::default(), Textures::default());
        let tall = picture(64, 128);
        assert_eq!(wait(|| textures.thumbnail(&ctx, &tall, 32)).unwrap().size(), [16, 32]);
    }

    #[test]
    fn what_is_out_of_sight_the_longest_goes_first() {
        let mut textures = Textures::default();
        for used in 0..KEPT as u64 + 50 {
            textures.keep(Key::File(format!("{used}.png").into(), 64), Slot { texture: None, used });
        }
        assert_eq!(textures.slots.len(), KEPT);
        assert!(!textures.slots.contains_key(&Key::File("0.png".into(), 64)));
        // All of them in sight at once: none is dropped only to be read again.
        let mut textures = Textures::default();
        for index in 0..KEPT + 50 {
            textures.keep(Key::File(format!("{index}.png").into(), 64), Slot { texture: None, used: 7 });
        }
        assert_eq!(textures.slots.len(), KEPT + 50);
    }
}
