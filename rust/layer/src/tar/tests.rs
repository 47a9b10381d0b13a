use super::*;
use crate::error::Error;

/// Feed `bytes` in pieces of `piece` bytes, carrying over what is too short, and collect entries with their content.
fn parse(bytes: &[u8], piece: usize) -> Result<Vec<(Entry, Vec<u8>)>, Error> {
    let mut parser = Parser::new();
    let mut entries: Vec<(Entry, Vec<u8>)> = Vec::new();
    let mut carry = Vec::new();
    for chunk in bytes.chunks(piece) {
        carry.extend_from_slice(chunk);
        let mut used = 0;
        loop {
            match parser.step(&carry[used..])? {
                Step::More => break,
                Step::Framing(length) => used += length,
                Step::Entry(length) => {
                    used += length;
                    entries.push((parser.entry().clone(), Vec::new()));
                }
                Step::Content { length, .. } => {
                    entries.last_mut().unwrap().1.extend_from_slice(&carry[used..used + length]);
                    used += length;
                }
            }
        }
        carry.drain(..used);
    }
    parser.finish(carry.len())?;
    assert_eq!(parser.offset() as usize + carry.len(), bytes.len());
    Ok(entries)
}

fn file(name: &str, content: &[u8]) -> Entry {
    let size = content.len() as u64;
    Entry { name: name.as_bytes().to_vec(), mode: 0o644, size, stored: size, ..Entry::default() }
}

fn build(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (entry, content) in entries {
        Builder::header(entry, &mut out);
        out.extend_from_slice(content);
        out.extend_from_slice(Builder::padding(content.len() as u64));
    }
    out.extend_from_slice(Builder::end());
    out
}

fn sample() -> Vec<(Entry, Vec<u8>)> {
    let long = "d/".repeat(150) + "file";
    let plain = Entry { mtime: 1_700_000_000, uid: 1000, gid: 100, ..file("a/b", b"hello") };
    let xattrs =
        vec![(b"security.capability".to_vec(), b"\x01\0\0\x02=\n\0".to_vec()), (b"user.\xff".to_vec(), Vec::new())];
    vec![
        (plain, b"hello".to_vec()),
        (Entry { uid: 5_000_000_000, gid: -1, mtime: -5, xattrs, ..file(&long, &[7; 513]) }, vec![7; 513]),
        (Entry { name: b"caf\xc3\xa9/".to_vec(), kind: Kind::Directory, mode: 0o1777, ..Entry::default() }, Vec::new()),
        (
            Entry { name: b"\xff\xfe".to_vec(), kind: Kind::Symlink, link: vec![b'x'; 300], ..Entry::default() },
            Vec::new(),
        ),
        (Entry { name: b"dev".to_vec(), kind: Kind::Char, device: (5, 1), ..Entry::default() }, Vec::new()),
        (Entry { name: b"hard".to_vec(), kind: Kind::HardLink, link: b"a/b".to_vec(), ..Entry::default() }, Vec::new()),
    ]
}

#[test]
fn what_the_builder_writes_the_parser_reads_in_pieces_of_any_size() {
    let bytes = build(&sample());
    for piece in [1, 7, 511, 512, 513, 4096, bytes.len()] {
        assert_eq!(parse(&bytes, piece).unwrap(), sample(), "pieces of {piece}");
    }
}

#[test]
fn every_early_end_inside_an_entry_is_noticed() {
    let bytes = build(&sample()[..2]);
    let whole = parse(&bytes, 512).unwrap();
    for end in 1..bytes.len() {
        match parse(&bytes[..end], 512) {
            Ok(entries) => assert_eq!(entries, whole[..entries.len()], "cut at {end}"),
            Err(error) => assert!(matches!(error, Error::Truncated { .. }), "cut at {end}: {error}"),
        }
    }
    assert!(parse(&bytes[..514], 512).is_err());
    assert!(parse(&bytes[..100], 512).is_err());
}

#[test]
fn a_changed_header_byte_is_refused_by_its_checksum() {
    let bytes = build(&sample()[..1]);
    for position in (0..148).chain(156..512) {
        let mut changed = bytes.clone();
        changed[position] = changed[position].wrapping_add(1);
        assert!(matches!(parse(&changed, 512), Err(Error::Header { .. })), "{position}");
    }
}

#[test]
fn gnu_long_names_apply_to_the_next_entry_alone() {
    let name = vec![b'n'; 700];
    let mut out = Vec::new();
    for flag in [b'L', b'K'] {
        let size = name.len() as u64 + 1;
        let header = Entry { kind: Kind::Other(flag), ..file("././@LongLink", &vec![0; size as usize]) };
        Builder::header(&header, &mut out);
        out.extend_from_slice(&name);
        out.push(0);
        out.extend_from_slice(Builder::padding(size));
    }
    Builder::header(&Entry { kind: Kind::Symlink, link: b"short".to_vec(), ..file("short", b"") }, &mut out);
    Builder::header(&file("next", b""), &mut out);
    let entries = parse(&out, 1000).unwrap();
    assert_eq!((&entries[0].0.name, &entries[0].0.link), (&name, &name));
    assert_eq!(entries[1].0.name, b"next");
}

#[test]
fn extensions_over_a_mebibyte_and_absurd_sizes_are_refused() {
    for flag in [b'x', b'g', b'L', b'K'] {
        let mut out = Vec::new();
        Builder::header(&Entry { kind: Kind::Other(flag), size: (1 << 20) + 1, ..file("x", b"") }, &mut out);
        assert!(matches!(parse(&out, 512), Err(Error::Header { .. })), "{flag}");
    }
    let mut out = Vec::new();
    Builder::header(&Entry { size: u64::MAX >> 1, ..file("huge", b"") }, &mut out);
    assert!(matches!(parse(&out, 512), Err(Error::Truncated { .. })));
}

#[test]
fn a_dangling_extension_is_an_early_end() {
    let mut out = Vec::new();
    Builder::header(&Entry { uid: -1, ..file("x", b"") }, &mut out);
    out.truncate(out.len() - BLOCK);
    assert!(matches!(parse(&out, 512), Err(Error::Truncated { .. })));
}

#[test]
fn the_end_may_be_missing_short_or_followed_by_anything() {
    let body = build(&sample()[..1]);
    let entries = body.len() - 2 * BLOCK;
    for bytes in [body[..entries].to_vec(), body[..entries + BLOCK].to_vec(), [body.as_slice(), b"garbage"].concat()] {
        assert_eq!(parse(&bytes, 100).unwrap(), sample()[..1]);
    }
    assert_eq!(parse(b"", 100).unwrap(), []);
    let broken = [&body[..entries], &[0; BLOCK], &body[..BLOCK]].concat();
    assert!(parse(&broken, 100).is_err(), "one zero block, then an entry");
}

/// A header preceded by a PAX header with just these records.
fn with_records(records: &[u8], entry: &Entry, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let size = records.len() as u64;
    Builder::header(&Entry { kind: Kind::Other(b'x'), size, ..file("pax", b"") }, &mut out);
    out.extend_from_slice(records);
    out.extend_from_slice(Builder::padding(size));
    Builder::header(entry, &mut out);
    out.extend_from_slice(content);
    out.extend_from_slice(Builder::padding(content.len() as u64));
    out
}

#[test]
fn all_three_pax_forms_of_a_sparse_file_are_the_same_file() {
    let wanted = Sparse { parts: vec![(0, 3), (1000, 2)], real_size: 5000 };
    let form_0_0 = b"26 GNU.sparse.size=000005000\n25 GNU.sparse.numblocks=2\n23 GNU.sparse.offset=0\n\
        25 GNU.sparse.numbytes=3\n26 GNU.sparse.offset=1000\n25 GNU.sparse.numbytes=2\n";
    let form_0_1 = b"24 GNU.sparse.size=5000\n27 GNU.sparse.numblocks=02\n\
        30 GNU.sparse.map=0,3,1000,0002\n22 GNU.sparse.name=s\n";
    let form_1_0 = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n22 GNU.sparse.name=s\n28 GNU.sparse.realsize=5000\n";
    let mut mapped = b"2\n0\n3\n1000\n2\n".to_vec();
    mapped.resize(BLOCK, 0);
    mapped.extend_from_slice(b"abcde");
    for (records, content) in [(&form_0_0[1..], b"abcde".to_vec()), (form_0_1, b"abcde".to_vec()), (form_1_0, mapped)] {
        let records = if records.starts_with(b"6 ") { fix_lengths(form_0_0) } else { fix_lengths(records) };
        let bytes = with_records(&records, &file("s", &content), &content);
        let entries = parse(&bytes, 300).unwrap();
        let (entry, content) = &entries[0];
        assert_eq!((entry.sparse.as_ref(), entry.size, entry.stored), (Some(&wanted), 5000, 5));
        assert_eq!((entry.name.as_slice(), content.as_slice()), (b"s".as_slice(), b"abcde".as_slice()));
    }
}

/// Write the right length before each line of `key=value`, whatever stood there.
fn fix_lengths(records: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in records.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let pair = line.splitn(2, |byte| *byte == b' ').nth(1).unwrap();
        let length = (1..100).find(|length| length.to_string().len() + pair.len() + 2 == *length).unwrap();
        out.extend_from_slice(format!("{length} ").as_bytes());
        out.extend_from_slice(pair);
        out.push(b'\n');
    }
    out
}

#[test]
fn sparse_maps_that_lie_are_refused() {
    for map in ["0,3,2,2", "0,3,4999,2", "0,3", "0,3,1000,3", "3,-1,1000,2", "0,9223372036854775807,1,5"] {
        let records = format!("1 GNU.sparse.size=5000\n1 GNU.sparse.numblocks=2\n1 GNU.sparse.map={map}\n");
        let bytes = with_records(&fix_lengths(records.as_bytes()), &file("s", b"abcde"), b"abcde");
        assert!(matches!(parse(&bytes, 512), Err(Error::Header { .. })), "{map}");
    }
}

#[test]
fn any_damage_is_an_error_or_a_parse_never_a_panic() {
    let bytes = build(&sample());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..20_000 {
        let mut damaged = bytes.clone();
        for _ in 0..=random() % 3 {
            let position = random() as usize % damaged.len();
            damaged[position] = random() as u8;
        }
        // Make the checksums right again, or nothing behind them would be reached.
        for block in damaged.chunks_exact_mut(BLOCK) {
            if block[257..262] == *b"ustar" {
                block[148..156].fill(b' ');
                let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        let _ = parse(&damaged, 700);
    }
}
