//! Files that ask for code, lie, or are cut off: refused by name, in both containers.

use weft_formats::pickle;

use crate::build::{archive, legacy, tensor, zip};

fn refusal(file: &[u8]) -> String {
    match pickle::tensors(file) {
        Ok(tensors) => panic!("it was read: {tensors:?}"),
        Err(refusal) => refusal.what,
    }
}

#[test]
fn what_is_not_data_is_refused_by_name() {
    let rows: &[(&[u8], &str)] = &[
        (b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.", "`os.system`"),
        (b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.", "`posix.system`"),
        (b"\x80\x02c__builtin__\neval\nX\x01\0\0\x001\x85R.", "`__builtin__.eval`"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93\x8c\x01x\x85R.", "`builtins.exec`"),
        (b"\x80\x02cbuiltins\ngetattr\nctorch\nload\nR.", "`builtins.getattr`"),
        (b"\x80\x02ctorch\nload\n.", "`torch.load`"),
        (b"\x80\x02ctorch.hub\nload\n.", "`torch.hub.load`"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "`torch._utils._rebuild_tensor_v2.__globals__`"),
        (b"\x80\x02ctorch.storage\n_load_from_bytes\n.", "`torch.storage._load_from_bytes`"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n.", "`numpy.core.multiarray.scalar`"),
        (b"\x80\x02ccollections\nOrderedDict \n.", "`collections.OrderedDict `"),
        (b"\x80\x02ccollections\ndefaultdict\n.", "`collections.defaultdict`"),
        (b"\x80\x02cos\x1b[31m\nsystem\n.", "`os[31m.system`"),
        (b"\x80\x02(ios\nsystem\n.", "`os.system`"),
        (b"\x80\x02(ccollections\nOrderedDict\no.", "(OBJ)"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "(NEWOBJ)"),
        (b"\x80\x04ccollections\nOrderedDict\n)}\x92.", "(NEWOBJ_EX)"),
        (b"\x80\x02\x82\x01.", "(EXT)"),
        (b"\x80\x02P0\n.", "(PERSID)"),
        (b"\x80\x02]}b.", "(BUILD)"),
        (b"\x80\x02ctorch\nFloatStorage\nK\x01\x85R.", "(REDUCE)"),
        (b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.", "(REDUCE)"),
        (b"\x80\x02X\x02\0\0\0os)R.", "calls what is no function"),
    ];
    for (bytes, says) in rows {
        for file in [archive(bytes), legacy(bytes)] {
            let what = refusal(&file);
            assert!(what.contains(says), "{says}: {what}");
        }
    }
}

#[test]
fn pickles_that_mean_nothing_are_damaged() {
    let rows: &[(&[u8], &str)] = &[
        (b"\x80\x02", "ends in the middle"),
        (b"\x80\x02.", "takes more than it made"),
        (b"\x80\x02N(0.", "takes more than it made"),
        (b"\x80\x02t.", "never began"),
        (b"\x80\x02h\x07.", "never made"),
        (b"\x80\x02\xff.", "opcode 255"),
        (b"\x80\x02X\xff\xff\xff\xffa.", "ends in the middle"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.", "ends in the middle"),
        (b"\x80\x02X\x01\0\0\0\xff.", "not UTF-8"),
        (b"\x80\x02\x8a\xff", "128 bits"),
        (b"\x80\x02NNNa.", "no list"),
        (b"\x80\x02NNNs.", "no dict"),
        (b"\x80\x02}(Nu.", "no value"),
        (b"\x80\x02(Nd.", "no value"),
        (b"\x80\x02NQ.", "no storage"),
        (b"\x80\x02N.", "holds no tensors"),
        (b"\x80\x02}.", "holds no tensors"),
        (b"\x80\x02K\x01.", "holds no tensors"),
    ];
    for (bytes, says) in rows {
        let what = refusal(&archive(bytes));
        assert!(what.contains(says), "{bytes:?}, {says}: {what}");
    }
}

#[test]
fn tensors_stay_inside_of_their_storage() {
    let made = |offset: &[u8], shape: &[u8], strides: &[u8]| archive(&tensor(offset, shape, strides));
    assert_eq!(pickle::tensors(made(b"K\x04", b"K\x04\x85", b"K\x01\x85").as_slice()).unwrap()[0].shape, [4]);
    let big = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f";
    let one = |bytes: &[u8]| [bytes, b"\x85"].concat();
    type Row<'a> = (&'a [u8], Vec<u8>, Vec<u8>, &'a str);
    let rows: [Row<'_>; 9] = [
        (b"K\x05", one(b"K\x04"), one(b"K\x01"), "beyond its storage"),
        (b"K\x00", one(b"K\x04"), one(b"K\x03"), "beyond its storage"),
        (big, one(b"K\x04"), one(b"K\x01"), "beyond its storage"),
        (b"K\x00", one(big), one(b"K\x01"), "too large"),
        (b"K\x00", one(b"K\x04"), one(big), "too large"),
        (b"K\x00", [big.as_slice(), big, b"\x86"].concat(), [big.as_slice(), big, b"\x86"].concat(), "too large"),
        (b"K\x00", one(b"J\0\0\0\x7f"), one(b"K\x00"), "several times"),
        (b"J\xff\xff\xff\xff", one(b"K\x04"), one(b"K\x01"), "no whole number"),
        (b"K\x00", one(b"K\x04"), b"K\x01K\x01\x86".to_vec(), "no proper shape"),
    ];
    for (offset, shape, strides, says) in rows {
        let what = refusal(&made(offset, &shape, &strides));
        assert!(what.contains(says), "{says}: {what}");
    }
}

#[test]
fn containers_that_are_no_torch_file_are_named() {
    let good = archive(b"\x80\x02}.");
    let packed = {
        let mut packed = good.clone();
        let list = packed.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        packed[list + 10] = 8;
        packed
    };
    let mut beyond = good.clone();
    let end = beyond.len() - 22;
    beyond[end + 16..end + 20].fill(0xff);
    let rows: [(Vec<u8>, &str); 10] = [
        (good[..good.len() - 1].to_vec(), "incomplete download"),
        (b"PK\x03\x04".to_vec(), "incomplete download"),
        (packed, "packed entries"),
        (beyond, "lies outside of it"),
        (zip(&[("a.safetensors", b"")]), "without a data.pkl"),
        (zip(&[("a/data.pkl", b""), ("b/data.pkl", b"")]), "several data.pkl"),
        (zip(&[("a/data.pkl", b""), ("a/data.pkl", b"")]), "two entries"),
        (zip(&[("a/data.pkl", b""), ("a/constants.pkl", b"")]), "TorchScript"),
        (zip(&[("a/data.pkl", b""), ("a/byteorder", b"big")]), "big-endian"),
        (b"\x80\x02}q\0.".to_vec(), "not one that torch.save wrote"),
    ];
    for (file, says) in rows {
        let what = refusal(&file);
        assert!(what.contains(says), "{says}: {what}");
    }
}

#[test]
fn names_may_not_grow_without_end() {
    // A list of 2^16 pairs, from which a dict is made over and over.
    let pair = b"NN\x86".repeat(1 << 16);
    let again = b"0ccollections\nOrderedDict\nh\0\x85R".repeat(100);
    let pickle = [&b"\x80\x02]q\0("[..], &pair, b"e", &again, b"."].concat();
    assert!(refusal(&archive(&pickle)).contains("values"));
    // A dict in itself.
    let what = refusal(&archive(b"\x80\x02}q\0U\x01ah\0s."));
    assert!(what.contains("too deep"), "{what}");
    // The same dict ten times in the next, eight times over.
    let mut pickle = b"\x80\x02}".to_vec();
    for level in 0..8u8 {
        pickle.extend([b'q', level, b'0', b'}', b'(']);
        for key in b'0'..=b'9' {
            pickle.extend([b'U', 1, key, b'h', level]);
        }
        pickle.push(b'u');
    }
    pickle.push(b'.');
    assert!(refusal(&archive(&pickle)).contains("too deep"));
}
