//! The file that a conversion writes: whole, where there is none, and never over what it was made of.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use safetensors::tensor::TensorView;
use weft_formats::{Dtype, Tensor};

use crate::atomic;
use crate::error::{Code, Error, Result, io_cause};

/// Whether `to` may be written, before there is anything to write.
///
/// # Errors
/// It is there and not to be overwritten, it is `from` itself, or its folder is not there.
pub fn check(from: &Path, to: &Path, force: bool) -> Result<()> {
    let refused = |what: String, help: &str| Err(Error::new(Code::Output, what).help(help));
    let shown = to.display();
    let folder = folder_of(to);
    if is_same(from, to) {
        return refused(format!("{shown} is the file that is read"), "write to another file");
    }
    if !folder.is_dir() {
        return refused(format!("there is no folder {} for {shown}", folder.display()), "make the folder first");
    }
    if to.is_dir() {
        return refused(format!("{shown} is a folder"), "give the path of a file");
    }
    if to.exists() && !force {
        return refused(format!("{shown} exists"), "write to another file, or overwrite it with --force");
    }
    Ok(())
}

/// Writes tensors, each with its bytes, and metadata as one safetensors file; gives its size.
///
/// # Errors
/// The file cannot be written; then nothing has changed.
pub fn write(
    path: &Path,
    tensors: &[(Tensor, Vec<u8>)],
    metadata: &BTreeMap<String, String>,
    force: bool,
) -> Result<u64> {
    let bytes = serialize(tensors, metadata)
        .map_err(|cause| Error::new(Code::Internal, format!("{} cannot be made", path.display())).cause(cause))?;
    atomic::clean(folder_of(path));
    let written = if force { atomic::replace(path, &bytes) } else { atomic::create(path, &bytes) };
    written.map_err(|error| {
        let what = format!("{} was not written", path.display());
        let help = match error.kind() {
            io::ErrorKind::AlreadyExists => "write to another file, or overwrite it with --force",
            _ => "choose another place for the file, or make room",
        };
        Error::new(Code::Output, what).cause(io_cause(&error)).help(help)
    })?;
    Ok(bytes.len() as u64)
}

pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether both paths lead to one file, also through links.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    place(one).is_some_and(|it| place(other) == Some(it))
}

/// Through the safetensors crate, but for the metadata: it writes them in an order of chance, and the same input is to
/// give the same bytes.
fn serialize(
    tensors: &[(Tensor, Vec<u8>)],
    metadata: &BTreeMap<String, String>,
) -> std::result::Result<Vec<u8>, String> {
    let views = tensors.iter().map(view).collect::<std::result::Result<Vec<_>, String>>()?;
    let file = safetensors::serialize(views, None).map_err(|error| error.to_string())?;
    if metadata.is_empty() {
        return Ok(file);
    }
    with_metadata(&file, metadata).ok_or_else(|| "its header is broken".to_owned())
}

fn view((tensor, bytes): &(Tensor, Vec<u8>)) -> std::result::Result<(&str, TensorView<'_>), String> {
    let dtype = dtype(tensor.dtype).ok_or_else(|| format!("`{}` has no type of numbers", tensor.name))?;
    let view = TensorView::new(dtype, tensor.shape.clone(), bytes).map_err(|error| error.to_string())?;
    Ok((&tensor.name, view))
}

/// The same file with metadata as the first entry of its header, which is a JSON object behind eight bytes of length.
fn with_metadata(file: &[u8], metadata: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk()?;
    let (header, data) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let entries = header.strip_prefix(b"{")?.trim_ascii();
    let comma = if entries == b"}" { "" } else { "," };
    let mut header = format!("{{\"__metadata__\":{}{comma}", serde_json::to_string(metadata).ok()?).into_bytes();
    header.extend(entries);
    // The numbers begin at a multiple of eight.
    header.resize(header.len().next_multiple_of(8), b' ');
    Some([&(header.len() as u64).to_le_bytes(), &header[..], data].concat())
}

fn dtype(dtype: Dtype) -> Option<safetensors::Dtype> {
    Some(match dtype {
        Dtype::Float64 => safetensors::Dtype::F64,
        Dtype::Float32 => safetensors::Dtype::F32,
        Dtype::Float16 => safetensors::Dtype::F16,
        Dtype::Bfloat16 => safetensors::Dtype::BF16,
        Dtype::Float8E4M3 => safetensors::Dtype::F8_E4M3,
        Dtype::Float8E5M2 => safetensors::Dtype::F8_E5M2,
        Dtype::Other => return None,
    })
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    fn tensor(name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) -> (Tensor, Vec<u8>) {
        (Tensor { name: name.to_owned(), dtype, shape: shape.to_vec() }, bytes.to_vec())
    }

    #[test]
    fn every_type_and_all_metadata() {
        let tensors = [
            tensor("a", Dtype::Float8E4M3, &[3], &[1, 2, 3]),
            tensor("b", Dtype::Float64, &[1], &0.5f64.to_le_bytes()),
            tensor("c", Dtype::Bfloat16, &[1, 2], &[1, 2, 3, 4]),
            tensor("d", Dtype::Float32, &[], &2f32.to_le_bytes()),
        ];
        let entry = |index: usize| (format!("key \"{index}\""), format!("é\n{index}"));
        let metadata: BTreeMap<String, String> = (0..20).map(entry).collect();
        for metadata in [&metadata, &BTreeMap::new()] {
            let bytes = serialize(&tensors, metadata).unwrap();
            assert_eq!(bytes, serialize(&tensors, metadata).unwrap());
            let file = SafeTensors::deserialize(&bytes).unwrap();
            for (tensor, data) in &tensors {
                let view = file.tensor(&tensor.name).unwrap();
                assert_eq!((view.shape(), view.data()), (&tensor.shape[..], &data[..]));
                assert_eq!(Some(view.dtype()), dtype(tensor.dtype));
            }
            let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
            let read: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();
            assert_eq!(read, *metadata);
        }
        assert!(SafeTensors::deserialize(&serialize(&[], &metadata).unwrap()).is_ok());
        assert!(serialize(&[tensor("e", Dtype::Other, &[1], &[1])], &metadata).is_err());
        assert!(serialize(&[tensor("e", Dtype::Float32, &[2], &[1])], &metadata).is_err());
    }

    #[test]
    fn nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("in"), "in").unwrap();
        std::fs::write(path("out"), "out").unwrap();
        std::fs::hard_link(path("in"), path("linked")).unwrap();
        std::os::unix::fs::symlink(path("in"), path("pointed")).unwrap();
        for (to, force, says) in [
            ("out", false, "exists"),
            ("in", true, "is the file that is read"),
            ("linked", true, "is the file that is read"),
            ("pointed", true, "is the file that is read"),
            ("none/out", true, "there is no folder"),
            (".", true, "is a folder"),
        ] {
            let error = check(&path("in"), &path(to), force).unwrap_err();
            assert!(error.code == Code::Output && error.what.contains(says), "{to}: {error}");
        }
        check(&path("in"), &path("out"), true).unwrap();
        check(&path("in"), &path("new"), false).unwrap();
        let error = write(&path("out"), &[], &BTreeMap::new(), false).unwrap_err();
        assert!(error.help.contains("--force"), "{error}");
        assert_eq!(std::fs::read(path("out")).unwrap(), b"out");
        let size = write(&path("out"), &[], &BTreeMap::new(), true).unwrap();
        assert_eq!(path("out").metadata().unwrap().len(), size);
    }
}
