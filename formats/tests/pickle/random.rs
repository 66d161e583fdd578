//! Any bytes end in tensors that lie in the file, or in a refusal.

use proptest::prelude::*;
use weft_formats::pickle;

use crate::build::{archive, legacy};
use crate::golden::folder;

/// What is read lies in the file, and its numbers can be gathered.
fn read(file: &[u8]) {
    let Ok(tensors) = pickle::tensors(file) else { return };
    for tensor in tensors {
        let end = tensor.start + tensor.bytes as u64;
        assert!(end <= file.len() as u64, "{tensor:?}");
        if let Some(strides) = &tensor.strides {
            let data = &file[tensor.start as usize..end as usize];
            let width =
                tensor.dtype.trim_start_matches(char::is_alphabetic).parse::<usize>().map_or(1, |bits| bits / 8);
            let numbers = pickle::gather(data, width, &tensor.shape, strides);
            assert_eq!(numbers.len(), tensor.shape.iter().product::<usize>() * width);
        }
    }
}

fn files() -> Vec<Vec<u8>> {
    ["views.zip", "views.legacy", "module.zip", "state_dict.legacy", "flat.zip4", "flat.legacy4"]
        .map(|name| std::fs::read(folder().join(format!("{name}.pth"))).unwrap())
        .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes(which in 0usize..6, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut file = files().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        read(&file);
    }

    #[test]
    fn files_cut_off(which in 0usize..6, at in any::<prop::sample::Index>()) {
        let file = files().swap_remove(which);
        read(&file[..at.index(file.len())]);
    }

    #[test]
    fn any_pickle(bytes in prop::collection::vec(prop::sample::select(&b"\x80\x02NK\x01(tld}])\x85\x86\x87RQq\0h\0eausc.0X1"[..]), 0..60)) {
        read(&archive(&bytes));
        read(&legacy(&bytes));
    }
}
