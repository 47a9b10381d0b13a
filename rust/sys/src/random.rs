//! Random bytes of the kernel.

use rustix::rand::{GetRandomFlags, getrandom};

/// Fresh random bytes, at most 256: the kernel gives so many at once or none.
pub fn bytes<const N: usize>() -> rustix::io::Result<[u8; N]> {
    const { assert!(N <= 256) };
    let mut bytes = [0; N];
    rustix::io::retry_on_intr(|| getrandom(&mut bytes, GetRandomFlags::empty()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_draw_is_another() {
        assert_ne!(super::bytes::<32>().unwrap(), super::bytes::<32>().unwrap());
    }
}
