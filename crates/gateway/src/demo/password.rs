//! A password that can be read aloud.

use cloakroom::random::Random;
use protocol::Secret;

/// Four words of two syllables, such as `tova-kure-sami-deno`: 48 random bits. Enough where guesses are slowed down.
pub(super) fn memorable(random: &dyn Random) -> Secret<String> {
    let mut bytes = [0; WORDS * SYLLABLES];
    random.fill(&mut bytes);
    let words = bytes.chunks(SYLLABLES).map(|word| word.iter().map(|byte| syllable(*byte)).collect::<String>());
    Secret::new(words.collect::<Vec<_>>().join("-"))
}

/// Six bits of the byte as a consonant and a vowel.
fn syllable(byte: u8) -> String {
    let consonant = CONSONANTS[usize::from(byte & 0x0f)];
    let vowel = VOWELS[usize::from(byte >> 4 & 0x03)];
    [consonant, vowel].iter().collect()
}

const WORDS: usize = 4;
const SYLLABLES: usize = 2;
/// Anything shorter was not made here.
pub(super) const SHORTEST: usize = WORDS * SYLLABLES * 2;
/// None of them sounds or looks like another.
const CONSONANTS: [char; 16] = ['b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'];
const VOWELS: [char; 4] = ['a', 'e', 'i', 'o'];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cloakroom::random::SystemRandom;

    use super::*;

    #[test]
    fn every_value_of_six_bits_is_another_syllable() {
        assert_eq!((0..64).map(syllable).collect::<HashSet<_>>().len(), 64);
    }

    #[test]
    fn two_passwords_differ_and_can_be_read_aloud() {
        let (first, second) = (memorable(&SystemRandom), memorable(&SystemRandom));

        assert_ne!(first.expose(), second.expose());
        assert!(first.expose().split('-').all(|word| word.len() == 4), "{}", first.expose());
    }
}
