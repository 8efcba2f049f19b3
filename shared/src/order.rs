//! Sorting by one copy of the algorithm in the page.
//!
//! The standard library's sorts are compiled anew for every type and every order: a tenth of the page's module. There, places
//! are sorted instead of items, by one comparison that is called through a pointer. Everywhere else these are `std`'s sorts.

use std::cmp::Ordering;

/// Stable sorts of slices.
pub trait Order<T> {
    /// As `sort_by`.
    fn order_by(&mut self, order: impl FnMut(&T, &T) -> Ordering);

    /// As `sort_by_key`.
    fn order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.order_by(|a, b| key(a).cmp(&key(b)));
    }

    /// As `sort`.
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }
}

impl<T> Order<T> for [T] {
    fn order_by(&mut self, mut order: impl FnMut(&T, &T) -> Ordering) {
        if cfg!(target_family = "wasm") {
            let mut places = places(self.len(), &mut |a, b| order(&self[a], &self[b]));
            arrange(&mut places, &mut |a, b| self.swap(a, b));
        } else {
            self.sort_by(order);
        }
    }
}

/// Where the items come from that belong at each place.
fn places(count: usize, order: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|&a, &b| order(a, b));
    places
}

/// Brings items to their places, each once: a cycle of the permutation after the other.
fn arrange(places: &mut [usize], swap: &mut dyn FnMut(usize, usize)) {
    for first in 0..places.len() {
        let mut at = first;
        loop {
            let from = std::mem::replace(&mut places[at], at);
            if from == first || from == at {
                break;
            }
            swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_and_kept_stable() {
        let mut seed = 1u32;
        for count in [0, 1, 2, 3, 10, 100, 1000] {
            let items: Vec<(u32, usize)> = (0..count)
                .map(|index| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ((seed >> 16) % 50, index)
                })
                .collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            let mut found = items.clone();
            let mut from = places(count, &mut |a, b| items[a].0.cmp(&items[b].0));
            arrange(&mut from, &mut |a, b| found.swap(a, b));
            assert_eq!(found, expected);
            let mut asked = items;
            asked.order_by_key(|item| item.0);
            assert_eq!(asked, expected);
        }
    }

    #[test]
    fn orders_are_std_s() {
        let mut words = ["b", "a", "c"];
        words.order();
        assert_eq!(words, ["a", "b", "c"]);
        let mut numbers = [2.0, f64::NAN, -1.0];
        numbers.order_by(f64::total_cmp);
        assert_eq!(numbers[..2], [-1.0, 2.0]);
    }
}
