//! Giving memory back to the kernel before a long sleep.

use rustix::event::{PollFd, poll};
use rustix::mm::{Advice, madvise};
use std::ptr;

/// Wait for one of `fds` without a limit, after giving back what this process can do without meanwhile: free heap, and the
/// pages of its own program.
///
/// The pages come back from the page cache when they are next touched. Only segments that the program's own header declares
/// as never written are dropped, so no relocation is lost. Between the last of them and the wait runs nothing but what stands
/// here: each call to a distant function would bring sixteen pages back.
pub fn sleep(fds: &mut [PollFd<'_>]) -> rustix::io::Result<usize> {
    let segments = read_only_segments();
    // SAFETY: malloc_trim only returns free memory.
    unsafe { libc::malloc_trim(0) };
    for (address, length) in &segments {
        // SAFETY: the range is a loaded segment without write permission, private and backed by the program's file: its
        // pages are unchanged and are read again from there. A refusal keeps them.
        let _ = unsafe { madvise(ptr::with_exposed_provenance_mut(*address), *length, Advice::LinuxDontNeed) };
    }
    poll(fds, None)
}

/// Page-aligned (address, length) of the program's loaded segments that are not writable.
fn read_only_segments() -> Vec<(usize, usize)> {
    // SAFETY: the auxiliary vector gives the program headers of the running program, which stay mapped.
    let headers = unsafe {
        let start = libc::getauxval(libc::AT_PHDR) as usize;
        let count = libc::getauxval(libc::AT_PHNUM) as usize;
        if start == 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts(ptr::with_exposed_provenance::<libc::Elf64_Phdr>(start), count)
    };
    let start = headers.as_ptr().expose_provenance();
    let bias = headers
        .iter()
        .find(|header| header.p_type == libc::PT_PHDR)
        .map_or(0, |header| start.wrapping_sub(header.p_vaddr as usize));
    // SAFETY: sysconf takes a plain integer.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0)
        .map(|header| {
            let first = bias.wrapping_add(header.p_vaddr as usize) & !(page - 1);
            let end = bias.wrapping_add((header.p_vaddr + header.p_filesz) as usize);
            (first, end.saturating_sub(first).next_multiple_of(page))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::PollFlags;

    #[test]
    fn a_program_works_on_after_its_pages_were_released() {
        let segments = read_only_segments();
        let here = a_program_works_on_after_its_pages_were_released as *const () as usize;
        assert!(
            segments.iter().any(|(first, length)| (*first..first + length).contains(&here)),
            "our own code is in one"
        );
        let (reader, mut writer) = std::io::pipe().expect("pipe");
        std::io::Write::write_all(&mut writer, b"x").expect("room");
        assert_eq!(sleep(&mut [PollFd::new(&reader, PollFlags::IN)]), Ok(1));
        assert_eq!(format!("{:>4}", 12), "  12");
    }
}
