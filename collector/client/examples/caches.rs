//! Three caches that are reported: one of moka, one of `quick_cache`, and one of the program's own.
//!
//! `perfcollect run -- target/debug/examples/caches`

use perfcollect_client::{Counted, Counts, Report};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

fn square(number: u64) -> u64 {
    number * number
}

fn main() -> std::io::Result<()> {
    let users = Counted::build(moka::sync::Cache::builder().max_capacity(1000));
    let users_report = Report::new("app.users", "moka").at(file!(), line!());
    let pages = quick_cache::sync::Cache::new(1000);
    let pages_report = Report::new("app.pages", "quick_cache").at(file!(), line!());
    let (mut own, counts) = (HashMap::new(), Counts::new());
    let own_report = Report::new("app.own", "own").at(file!(), line!());
    for round in 0..10 {
        for key in 0..20 + round {
            // 29 keys: 29 misses of 245 lookups.
            assert_eq!(users.get_with(key, || square(key)), square(key));
            // Looked up, and put in where it is not there.
            if pages.get(&key).is_none() {
                pages.insert(key, square(key));
            }
            match own.entry(key) {
                Entry::Occupied(_) => counts.hit(),
                Entry::Vacant(place) => {
                    counts.miss();
                    place.insert(square(key));
                }
            }
        }
        users_report.snapshot(&users)?;
        pages_report.snapshot(&pages)?;
        own_report.snapshot(&counts)?;
    }
    // Not reported twice: each snapshot is of all that was counted so far.
    for _ in 0..3 {
        users.get(&0);
    }
    users_report.snapshot(&users)
}
