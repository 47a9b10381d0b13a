//! Time one layer on this machine: `measure apply FILE DIR [inline]`, `measure rebuild DIR`, `measure diff DIR FILE`,
//! `measure pack none|gzip|zstd LEVEL FILE`.
//!
//! `apply` makes DIR/diff and DIR/split; `rebuild` reads them back; both and `pack` print seconds, bytes and digests.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a measuring program prints")]

use libpod_layer as layer;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Instant;

type Outcome = Result<(), Box<dyn Error>>;

fn apply(file: &str, directory: &str, inline: bool) -> Outcome {
    let diff = format!("{directory}/diff");
    std::fs::create_dir_all(&diff)?;
    let (source, target) = (File::open(file)?, File::open(&diff)?);
    let split = File::create(format!("{directory}/split"))?;
    let threads = if inline { layer::Threads::Inline } else { layer::Threads::Auto };
    let options = layer::ApplyOptions { threads, ..layer::ApplyOptions::default() };
    let start = Instant::now();
    let applied = layer::apply(Box::new(source), target.as_fd(), split, &options)?;
    let applied_after = start.elapsed();
    rustix::fs::syncfs(&target)?;
    println!(
        "apply {:.3} s, with syncfs {:.3} s: {applied:?}",
        applied_after.as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn rebuild(directory: &str) -> Outcome {
    let start = Instant::now();
    let diff = File::open(format!("{directory}/diff"))?;
    let mut rebuilt = layer::rebuild(vec![diff.into()], File::open(format!("{directory}/split"))?)?;
    let mut hasher = layer::Hasher::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match rebuilt.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    let (digest, size) = hasher.finish();
    println!("rebuild {:.3} s: {size} bytes, {digest}", start.elapsed().as_secs_f64());
    Ok(())
}

fn diff(directory: &str, file: &str) -> Outcome {
    let start = Instant::now();
    let mut packer = layer::Packer::new(File::create(file)?, layer::PackOptions::default())?;
    layer::diff(File::open(directory)?.as_fd(), &mut packer, &layer::DiffOptions::default())?;
    let (_, packed) = packer.finish()?;
    println!("diff {:.3} s: {packed:?}", start.elapsed().as_secs_f64());
    Ok(())
}

fn pack(compression: &str, level: &str, file: &str) -> Outcome {
    let compression = match compression {
        "gzip" => layer::Compression::Gzip,
        "zstd" => layer::Compression::Zstd,
        _ => layer::Compression::None,
    };
    let options = layer::PackOptions { compression, level: Some(level.parse()?), threads: None };
    let start = Instant::now();
    let mut packer = layer::Packer::new(io::sink(), options)?;
    io::copy(&mut File::open(file)?, &mut packer)?;
    let (_, packed) = packer.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "pack {compression} {level}: {seconds:.3} s, {} bytes from {}, {}",
        packed.size, packed.diff_size, packed.digest
    );
    Ok(())
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["apply", file, directory] => apply(file, directory, false),
        ["apply", file, directory, "inline"] => apply(file, directory, true),
        ["rebuild", directory] => rebuild(directory),
        ["diff", directory, file] => diff(directory, file),
        ["pack", compression, level, file] => pack(compression, level, file),
        _ => {
            Err("usage: measure apply FILE DIR [inline] | rebuild DIR | diff DIR FILE | pack none|gzip|zstd LEVEL FILE"
                .into())
        }
    }
}
