//! Background tasks of the program itself: started here and nowhere else.

use tokio::task::JoinHandle;

/// Runs a future beside the caller. Whoever starts one sees to its end: connections count theirs, the rest lives as
/// long as the process.
#[expect(clippy::disallowed_methods, reason = "the one place where the program starts tasks")]
pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}
