//! "Did you mean …?"

/// The candidate that a person most likely meant; `None` when nothing is near.
pub(super) fn nearest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let near = written.chars().count().max(3) / 3;
    let distances = candidates.iter().map(|candidate| (distance(written, candidate), *candidate));
    distances.filter(|(distance, _)| *distance <= near).min().map(|(_, candidate)| candidate)
}

/// How many letters have to be added, removed, changed or swapped with their neighbour (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<_>>()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let changed = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_near() {
        let known = ["origin", "name", "routes", "authorization_servers"];

        assert_eq!(nearest("orgin", &known), Some("origin"));
        assert_eq!(nearest("oirgin", &known), Some("origin"));
        assert_eq!(nearest("authorization_server", &known), Some("authorization_servers"));
        assert_eq!(nearest("nmae", &known), Some("name"));
    }

    #[test]
    fn another_word_is_not_near() {
        assert_eq!(nearest("colour", &["origin", "name"]), None);
        assert_eq!(nearest("", &["origin", "name"]), None);
    }

    #[test]
    fn swapping_neighbours_counts_once() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
