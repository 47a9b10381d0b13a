//! gzip on several threads, one member, the same bytes for any number of threads.

use flate2::{Compress, Crc, FlushCompress, Status};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Bytes that are deflated at a time, by one thread. Larger blocks hardly compress better, smaller ones cost more for threads.
pub const BLOCK: usize = 512 * 1024;

/// The window of deflate: what a block may refer to in the one before it.
const WINDOW: usize = 32 * 1024;

/// gzip header: deflate, no flags, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A block on its way to a compressing thread.
struct Job {
    /// The window before the block, then the block.
    bytes: Vec<u8>,
    block: usize,
    last: bool,
    done: SyncSender<io::Result<Vec<u8>>>,
}

/// Compresses into `W`; [`ParallelGzip::finish`] completes it.
pub struct ParallelGzip<W: Write> {
    out: W,
    crc: Crc,
    /// The window before the current block, then what was written of it.
    current: Vec<u8>,
    window: usize,
    jobs: Option<SyncSender<Job>>,
    /// Results in the order of the blocks.
    results: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    workers: Vec<JoinHandle<()>>,
}

impl<W: Write> ParallelGzip<W> {
    /// Begin a member on `threads` threads, at least one.
    pub fn new(mut out: W, level: u32, threads: usize) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let threads = threads.max(1);
        let (jobs, queue) = sync_channel::<Job>(threads);
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..threads)
            .map(|_| {
                let queue = Arc::clone(&queue);
                std::thread::Builder::new().name("gzip".to_owned()).spawn(move || work(&queue, level))
            })
            .collect::<io::Result<_>>()?;
        let current = Vec::with_capacity(WINDOW + BLOCK);
        Ok(Self { out, crc: Crc::new(), current, window: 0, jobs: Some(jobs), results: VecDeque::new(), workers })
    }

    /// Hand the current block to a thread, and keep its end as the next one's window.
    fn send(&mut self, last: bool) -> io::Result<()> {
        let block = self.current.len() - self.window;
        let window = self.current.len().min(WINDOW);
        let mut next = Vec::with_capacity(WINDOW + BLOCK);
        next.extend_from_slice(&self.current[self.current.len() - window..]);
        let bytes = std::mem::replace(&mut self.current, next);
        self.window = window;
        let (done, result) = sync_channel(1);
        let job = Job { bytes, block, last, done };
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(gone)?;
        self.results.push_back(result);
        while self.results.len() > 2 * self.workers.len() {
            self.receive()?;
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        if let Some(result) = self.results.pop_front() {
            let compressed = result.recv().map_err(|_| gone())??;
            self.out.write_all(&compressed)?;
        }
        Ok(())
    }

    /// Complete the member and give the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.send(true)?;
        self.jobs = None;
        while !self.results.is_empty() {
            self.receive()?;
        }
        for worker in self.workers.drain(..) {
            worker.join().map_err(|_| gone())?;
        }
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        // The size modulo 2³², as the format has it.
        self.out.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.out)
    }
}

fn gone() -> io::Error {
    io::Error::other("a compressing thread ended too early")
}

impl<W: Write> Write for ParallelGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full block is sent when more comes, so that the last one is known to be the last.
        if self.current.len() - self.window == BLOCK {
            self.send(false)?;
        }
        let room = BLOCK - (self.current.len() - self.window);
        let taken = &bytes[..bytes.len().min(room)];
        self.crc.update(taken);
        self.current.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A compressing thread: until the queue is closed.
fn work(queue: &Mutex<Receiver<Job>>, level: u32) {
    let mut compress = Compress::new(flate2::Compression::new(level), false);
    loop {
        let Some(Ok(job)) = queue.lock().ok().map(|queue| queue.recv()) else { return };
        let result = deflate(&mut compress, &job);
        // Nobody waits where the output failed meanwhile.
        let _ = job.done.send(result);
    }
}

/// One block as raw deflate, ending on a byte boundary.
fn deflate(compress: &mut Compress, job: &Job) -> io::Result<Vec<u8>> {
    compress.reset();
    let (window, block) = job.bytes.split_at(job.bytes.len() - job.block);
    if !window.is_empty() {
        compress.set_dictionary(window)?;
    }
    let flush = if job.last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut out = Vec::with_capacity(job.block / 2 + 1024);
    loop {
        let used = usize::try_from(compress.total_in()).map_err(io::Error::other)?;
        let status = compress.compress_vec(&block[used..], &mut out, flush)?;
        let complete = if job.last { status == Status::StreamEnd } else { out.len() < out.capacity() };
        if complete {
            return Ok(out);
        }
        out.reserve(job.block / 4 + 1024);
    }
}
