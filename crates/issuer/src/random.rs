//! Where random bytes come from.

/// `N` unpredictable bytes from AWS-LC's generator.
#[expect(clippy::disallowed_methods, reason = "this is the random source that everything else has to use")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        // Going on with predictable secrets would be a silent hole; the operating system has no randomness to give.
        std::process::abort();
    }
    bytes
}
