//! Every limit on input, in one place. A number above one of these is an error with exit code 7 or 3, never a crash.

/// Bytes of a graph file.
pub const GRAPH_BYTES: u64 = 64 << 20;
/// Bytes of a table of values.
pub const TABLE_BYTES: u64 = 64 << 20;
/// Nodes of a graph.
pub const GRAPH_NODES: usize = 200_000;
/// Nesting of a graph's values.
pub const GRAPH_NESTING: usize = 32;
/// Bytes of one text value.
pub const TEXT_BYTES: usize = 1 << 20;
/// Bytes of a node id or an input's name.
pub const ID_BYTES: usize = 256;
/// Bytes of a safetensors header.
pub const TENSOR_HEADER_BYTES: u64 = 100 << 20;
/// Tensors of one model part.
pub const TENSORS: usize = 200_000;
/// Bytes of one text chunk of a PNG, unpacked.
pub const PNG_TEXT_BYTES: usize = 8 << 20;
/// Bytes of an EXIF block: such a text as UTF-16, and what stands around it.
pub const EXIF_BYTES: u64 = 17 << 20;
/// Segments of a JPEG before its pixels, or chunks of a WebP.
pub const PICTURE_PARTS: usize = 10_000;
/// Bytes of a prompt that another program left in a picture.
pub const PROMPT_BYTES: usize = 64 << 10;
/// Bytes of a ComfyUI workflow in a picture.
pub const WORKFLOW_BYTES: usize = 4 << 20;
/// Files that the tags of one prompt name.
pub const PROMPT_TAGS: usize = 100;
/// A LoRA's weight, with either sign.
pub const LORA_STRENGTH: f64 = 100.0;
/// Files that make up the identity of a model folder.
pub const FOLDER_FILES: usize = 10_000;
/// Bytes of one protocol message: a preview of 16 384² pixels stays below it.
pub const MESSAGE_BYTES: u32 = 1 << 30;
/// Notes and reports of one node that are kept for the next run.
pub const TOLD: usize = 1000;
/// Nodes or architectures of one plugin, inputs or outputs of one node, choices of one input.
pub const PLUGIN_ENTRIES: usize = 10_000;
/// Stack of the engine's thread: MLX's graph functions recurse per operation.
pub const ENGINE_STACK: usize = 64 << 20;
/// Entries of folders that one list of files is read from.
pub const LISTED_FILES: usize = 10_000;
/// Bytes of a list of model folders.
pub const EXTRA_PATHS_BYTES: u64 = 64 << 10;
/// Bytes of one of its lines. Both together keep its nesting so flat that no stack overflows.
pub const EXTRA_PATHS_LINE: usize = 4096;
/// Files whose hashes are kept, before those that are gone are left out.
pub const KNOWN_HASHES: usize = 10_000;
/// Bytes of the file of hashes.
pub const HASHES_BYTES: u64 = 64 << 20;
/// Folders in folders of a models root.
pub const FOLDER_DEPTH: usize = 8;
/// Folders in folders of an input folder, which may be any folder at all.
pub const INPUT_DEPTH: usize = 3;
/// Pixels a side of a picture that is shown.
pub const PICTURE_SIDE: u32 = 16_384;
/// Bytes of a picture that is shown, decoded.
pub const PICTURE_BYTES: u64 = 512 << 20;
/// Bytes of all pictures in the history, which are no larger than thumbnails.
pub const HISTORY_BYTES: usize = 256 << 20;
/// Bytes of a plugin's library.
pub const LIBRARY_BYTES: u64 = 512 << 20;
/// Bytes of the trust store.
pub const STORE_BYTES: u64 = 4 << 20;
