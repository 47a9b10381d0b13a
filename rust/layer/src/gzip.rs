//! gzip on several threads, the same bytes for any number of threads.
//!
//! The input is cut every [`BLOCK`] bytes and each block becomes a member of its own; several members are one gzip file (RFC 1952,
//! section 2.2), and every reader of layers takes them (eStargz images consist of thousands). Independent blocks need no window
//! of the one before, which lets libdeflate do the work: it has no streaming form, and compresses two to three times as fast as
//! zlib's at the same ratio.

use libdeflater::{CompressionLvl, Compressor};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Bytes of a member. Larger blocks hardly compress better, and each one that waits for a thread takes memory.
pub const BLOCK: usize = 1 << 20;

/// The highest level of libdeflate.
pub const MAX_LEVEL: i32 = 12;

/// A block on its way to a compressing thread and back. Both buffers are used again: fresh memory costs a fault per page.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    packed: Vec<u8>,
    /// Bytes of `packed` that are the member.
    length: usize,
}

struct Job {
    block: Block,
    done: SyncSender<io::Result<Block>>,
}

/// Compresses into `W`; [`ParallelGzip::finish`] completes it.
pub struct ParallelGzip<W: Write> {
    out: W,
    current: Block,
    members: u64,
    jobs: Option<SyncSender<Job>>,
    /// Results in the order of the blocks.
    results: VecDeque<Receiver<io::Result<Block>>>,
    spare: Vec<Block>,
    workers: Vec<JoinHandle<()>>,
}

impl<W: Write> ParallelGzip<W> {
    /// Begin on `threads` threads, at least one.
    pub fn new(out: W, level: i32, threads: usize) -> io::Result<Self> {
        let level = CompressionLvl::new(level).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let threads = threads.max(1);
        let (jobs, queue) = sync_channel::<Job>(threads);
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..threads)
            .map(|_| {
                let queue = Arc::clone(&queue);
                std::thread::Builder::new().name("gzip".to_owned()).spawn(move || work(&queue, level))
            })
            .collect::<io::Result<_>>()?;
        let (results, spare) = (VecDeque::new(), Vec::new());
        Ok(Self { out, current: Block::default(), members: 0, jobs: Some(jobs), results, spare, workers })
    }

    /// Hand the current block to a thread.
    fn send(&mut self) -> io::Result<()> {
        let block = std::mem::take(&mut self.current);
        let (done, result) = sync_channel(1);
        self.jobs.as_ref().and_then(|jobs| jobs.send(Job { block, done }).ok()).ok_or_else(gone)?;
        self.members += 1;
        self.results.push_back(result);
        while self.results.len() > 2 * self.workers.len() {
            self.receive()?;
        }
        self.current = self.spare.pop().unwrap_or_default();
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        let Some(result) = self.results.pop_front() else { return Ok(()) };
        let mut block = result.recv().map_err(|_| gone())??;
        self.out.write_all(&block.packed[..block.length])?;
        block.bytes.clear();
        self.spare.push(block);
        Ok(())
    }

    /// Complete the output and give it back. Nothing written is one empty member.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.current.bytes.is_empty() || self.members == 0 {
            self.send()?;
        }
        self.jobs = None;
        while !self.results.is_empty() {
            self.receive()?;
        }
        for worker in self.workers.drain(..) {
            worker.join().map_err(|_| gone())?;
        }
        Ok(self.out)
    }
}

fn gone() -> io::Error {
    io::Error::other("a compressing thread ended too early")
}

impl<W: Write> Write for ParallelGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let current = &mut self.current.bytes;
        let taken = &bytes[..bytes.len().min(BLOCK - current.len())];
        current.reserve_exact(BLOCK - current.len());
        current.extend_from_slice(taken);
        if current.len() == BLOCK {
            self.send()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A compressing thread: until the queue is closed.
fn work(queue: &Mutex<Receiver<Job>>, level: CompressionLvl) {
    let mut compressor = Compressor::new(level);
    loop {
        let Some(Ok(job)) = queue.lock().ok().map(|queue| queue.recv()) else { return };
        let mut block = job.block;
        block.packed.resize(compressor.gzip_compress_bound(block.bytes.len()).max(block.packed.len()), 0);
        let result = compressor.gzip_compress(&block.bytes, &mut block.packed).map_err(io::Error::other);
        let result = result.map(|length| Block { length, ..block });
        // Nobody waits where the output failed meanwhile.
        let _ = job.done.send(result);
    }
}
