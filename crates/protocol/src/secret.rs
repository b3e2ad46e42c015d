//! Values that must not show up in logs or linger in memory.

use std::fmt;

use zeroize::Zeroize;

/// A value that only [`expose`](Secret::expose) gives out: `Debug` hides it and dropping it wipes its memory.
///
/// There is no `PartialEq`, because comparing secrets byte by byte leaks where they differ. What the HTTP layer
/// copies into a message is outside this promise.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value into custody.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call is a place to review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    struct Witness(Rc<Cell<bool>>);

    impl Zeroize for Witness {
        fn zeroize(&mut self) {
            self.0.set(true);
        }
    }

    #[test]
    fn debug_output_hides_the_value() {
        let secret = Secret::from("hunter2".to_owned());

        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(..) Some(Secret(..))");
    }

    #[test]
    fn dropping_a_secret_wipes_it() {
        let wiped = Rc::new(Cell::new(false));

        drop(Secret::new(Witness(Rc::clone(&wiped))));

        assert!(wiped.get());
    }
}
