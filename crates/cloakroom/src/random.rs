//! Where random bytes come from. A seam: simulations replay a seed.

use zeroize::Zeroize;

/// Gives unpredictable bytes. Programs use [`SystemRandom`].
pub trait Random: Send + Sync + 'static {
    /// Overwrites `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random source, by way of AWS-LC's generator.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the random source that everything else has to use")]
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Going on with predictable secrets would be a silent hole; the operating system has no randomness to give.
            bytes.zeroize();
            std::process::abort();
        }
    }
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}
