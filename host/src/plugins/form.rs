//! What a file is, from its first bytes: nothing of it is executed to find out.

use std::env::consts::ARCH;

/// What kind of library these bytes are, for people.
///
/// # Errors
/// What this machine cannot load, with the reason.
pub fn form(bytes: &[u8]) -> Result<String, String> {
    let no = |why: &str| Err(format!("it is no library that this machine can load: {why}"));
    let (system, processor) = match bytes {
        [] => return no("it is empty"),
        // The layout of an ELF header: class, byte order, version; type at 16 and machine at 18, two bytes each.
        [0x7f, b'E', b'L', b'F', 2, 1, ..] if bytes.len() > 19 => ("ELF", elf_processor(bytes[18], bytes[19])),
        // A Mach-O header: the number of the processor stands behind the magic number.
        [0xcf, 0xfa, 0xed, 0xfe, processor, 0, 0, 1, ..] => ("Mach-O", mach_processor(*processor)),
        // Several Mach-O libraries in one file.
        [0xca, 0xfe, 0xba, 0xbe, ..] => ("Mach-O", "several processors"),
        _ => return no("it does not begin as one"),
    };
    let wanted = if cfg!(target_os = "macos") { "Mach-O" } else { "ELF" };
    if system != wanted {
        return no(&format!("it is {system}, for another system"));
    }
    if processor != ARCH && processor != "several processors" {
        return no(&format!("it is for {processor}, and this is {ARCH}"));
    }
    Ok(format!("{system} library for {processor}"))
}

/// In the words of [`ARCH`].
fn elf_processor(low: u8, high: u8) -> &'static str {
    match u16::from_le_bytes([low, high]) {
        62 => "x86_64",
        183 => "aarch64",
        _ => "another processor",
    }
}

fn mach_processor(number: u8) -> &'static str {
    match number {
        7 => "x86_64",
        12 => "aarch64",
        _ => "another processor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(form(&this).unwrap().contains(ARCH));
        let other = if ARCH == "x86_64" { 183 } else { 62 };
        let elf = [&b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0"[..], &[other, 0, 1, 0]].concat();
        for wrong in [&b""[..], b"hello", b"\x7fELF", b"\x7fELF\x02\x01", &elf, b"MZ\x90", b"\xcf\xfa\xed\xfe"] {
            assert!(form(wrong).unwrap_err().starts_with("it is no library"), "{wrong:?}");
        }
    }
}
