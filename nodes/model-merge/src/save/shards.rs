//! Weights of one part, cut into files that are not too large.

use plugin_api::TensorInfo;
use serde_json::{Map, Value, json};

/// Bytes of a tensor.
pub fn bytes(info: &TensorInfo) -> u64 {
    let count: u64 = info.shape.iter().map(|&side| side as u64).product();
    count * info.dtype.map_or(0, |dtype| dtype.size() as u64)
}

/// The tensors in their order, as many in each file as it takes.
pub fn cut(tensors: Vec<TensorInfo>, most: u64) -> Vec<Vec<TensorInfo>> {
    let mut shards: Vec<(u64, Vec<TensorInfo>)> = Vec::new();
    for info in tensors {
        let size = bytes(&info);
        match shards.last_mut() {
            Some((filled, shard)) if *filled + size <= most => {
                *filled += size;
                shard.push(info);
            }
            _ => shards.push((size, vec![info])),
        }
    }
    shards.into_iter().map(|(_, shard)| shard).collect()
}

/// The files' names of so many shards: `model.safetensors`, or of several `model-00001-of-00003.safetensors`.
pub fn file_names(stem: &str, count: usize) -> Vec<String> {
    match count {
        1 => vec![format!("{stem}.safetensors")],
        _ => (1..=count).map(|number| format!("{stem}-{number:05}-of-{count:05}.safetensors")).collect(),
    }
}

/// The index of the shards in these files.
pub fn index(files: &[String], shards: &[Vec<TensorInfo>]) -> Value {
    let mut map = Map::new();
    for (file, shard) in files.iter().zip(shards) {
        map.extend(shard.iter().map(|info| (info.name.clone(), file.clone().into())));
    }
    let total: u64 = shards.iter().flatten().map(bytes).sum();
    json!({ "metadata": { "total_size": total }, "weight_map": map })
}

#[cfg(test)]
mod tests {
    use plugin_api::Dtype;

    use super::*;

    fn tensor(name: &str, numbers: i32) -> TensorInfo {
        let (dtype, stored) = (Some(Dtype::Float16), String::new());
        TensorInfo { name: name.to_owned(), dtype, shape: vec![numbers], stored }
    }

    #[test]
    fn files_are_filled_in_order() {
        let tensors = vec![tensor("a", 2), tensor("b", 3), tensor("c", 9), tensor("d", 1), tensor("e", 4)];
        let shards = cut(tensors.clone(), 10);
        let names: Vec<Vec<&str>> =
            shards.iter().map(|shard| shard.iter().map(|info| info.name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["a", "b"], vec!["c"], vec!["d", "e"]]);
        let index = index(&file_names("m", 3), &shards);
        assert_eq!(index["metadata"]["total_size"], 38);
        assert_eq!(index["weight_map"]["e"], "m-00003-of-00003.safetensors");
        assert_eq!(cut(tensors, 100).len(), 1);
        assert_eq!(file_names("m", 1), ["m.safetensors"]);
    }
}
