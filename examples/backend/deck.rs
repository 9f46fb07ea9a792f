//! The mix of requests that the traffic is made of: a deck of cards, the same each time.
//!
//! The rare cards (a failure, a lost patience) have fixed places, and each client begins at another place of the deck, so
//! that they come at an even pace instead of in clusters.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Card {
    ListSeries,
    Points,
    Daily,
    AddPoint,
    Ask,
    UnknownSeries,
    BadRange,
    SlowQuery,
    LostPatience,
    Flaky,
}

/// How often each card is in the deck. One request in two hundred fails, one is given up: a service in good health.
const CARDS: [(Card, usize); 7] = [
    (Card::Points, 60),
    (Card::Daily, 40),
    (Card::AddPoint, 40),
    (Card::ListSeries, 30),
    (Card::Ask, 20),
    (Card::UnknownSeries, 4),
    (Card::BadRange, 3),
];
/// The rare ones, at places where the first client meets them soon.
const RARE: [(usize, Card); 3] = [(20, Card::SlowQuery), (30, Card::LostPatience), (45, Card::Flaky)];

pub(crate) fn deck() -> Vec<Card> {
    let mut deck: Vec<Card> = CARDS.iter().flat_map(|&(card, times)| std::iter::repeat_n(card, times)).collect();
    let mut dice = Dice(0);
    for last in (1..deck.len()).rev() {
        deck.swap(last, dice.below(last + 1));
    }
    for (place, card) in RARE {
        deck.insert(place, card);
    }
    deck
}

/// A generator of numbers that look random and can be repeated (a linear congruence with Knuth's constants).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The high bits are the good ones; the remainder is smaller than `limit` and so fits.
        usize::try_from((self.0 >> 33) % limit as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deck_is_the_same_each_time_and_mixed() {
        let deck = deck();
        assert_eq!(deck.len(), 200);
        assert_eq!(deck, super::deck());
        assert_eq!(deck[45], Card::Flaky);
        let first: Vec<Card> = deck[..20].to_vec();
        assert!(first.contains(&Card::Points) && first.contains(&Card::Daily));
    }
}
