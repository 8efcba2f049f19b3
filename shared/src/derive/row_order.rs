//! Order of the rows in the table of functions.

use super::top_table::TopRow;
use crate::format::place;
use crate::model::Profile;
use crate::order::Order;
use crate::view_state::Sort;
use std::cmp::Ordering;

/// A column of the table of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    SelfTime,
    Total,
    Samples,
    Name,
    Place,
}

impl Column {
    pub const ALL: [Self; 5] = [Self::SelfTime, Self::Total, Self::Samples, Self::Name, Self::Place];

    /// Name for addresses.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::SelfTime => "self",
            Self::Total => "total",
            Self::Samples => "samples",
            Self::Name => "name",
            Self::Place => "place",
        }
    }

    fn of(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.id() == id)
    }

    /// Figures are read from the largest, names from A.
    fn starts_descending(self) -> bool {
        !matches!(self, Self::Name | Self::Place)
    }

    fn compare(self, profile: &Profile, a: &TopRow, b: &TopRow) -> Ordering {
        let name = |row: &TopRow| profile.function_name(row.function).to_owned();
        let here = |row: &TopRow| {
            let file = profile.function_file(row.function);
            (place(file, 0), profile.function(row.function).start_line)
        };
        match self {
            Self::SelfTime => a.self_weight.cmp(&b.self_weight),
            Self::Total => a.total_weight.cmp(&b.total_weight),
            Self::Samples => a.self_samples.cmp(&b.self_samples),
            Self::Name => name(a).cmp(&name(b)),
            Self::Place => here(a).cmp(&here(b)),
        }
    }
}

/// Sorts rows by columns, the first decides; rows that are equal in all keep their order. Unknown columns do not count.
pub fn sort_rows(profile: &Profile, rows: &mut [TopRow], order: &[Sort]) {
    let order: Vec<(Column, bool)> =
        order.iter().filter_map(|sort| Some((Column::of(&sort.column)?, sort.descending))).collect();
    if order.is_empty() {
        return;
    }
    rows.order_by(|a, b| {
        order.iter().fold(Ordering::Equal, |known, &(column, descending)| {
            known.then_with(|| {
                let order = column.compare(profile, a, b);
                if descending { order.reverse() } else { order }
            })
        })
    });
}

/// The order after a click on a column's header: by it alone, or after the others when `add`; again turns it around.
#[must_use]
pub fn clicked(order: &[Sort], column: Column, add: bool) -> Vec<Sort> {
    clicked_on(order, column.id(), column.starts_descending(), add)
}

/// Likewise for a table with columns of its own.
#[must_use]
pub fn clicked_on(order: &[Sort], column: &str, starts_descending: bool, add: bool) -> Vec<Sort> {
    let known = order.iter().find(|sort| sort.column == column);
    let descending = known.map_or(starts_descending, |sort| !sort.descending);
    let sort = Sort { column: column.to_owned(), descending };
    if !add {
        return vec![sort];
    }
    if known.is_none() {
        return order.iter().cloned().chain([sort]).collect();
    }
    order.iter().map(|other| if other.column == sort.column { sort.clone() } else { other.clone() }).collect()
}

/// Whether a table in this order is sorted by the column, and then whether descending. No order is: by self time.
#[must_use]
pub fn direction(order: &[Sort], column: Column) -> Option<bool> {
    if order.is_empty() {
        return (column == Column::SelfTime).then_some(true);
    }
    order.iter().find(|sort| sort.column == column.id()).map(|sort| sort.descending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::top_table::whole_table;
    use crate::testing;
    use crate::view_state::ViewState;

    /// Names in the order that an address asks for.
    fn check(sort: &str, expect: &str) {
        let profile = testing::profile("A A A A B\nC C D . .");
        let mut rows = whole_table(&profile).rows;
        sort_rows(&profile, &mut rows, &ViewState::parse(&format!("sort={sort}")).functions.sort);
        let names: Vec<&str> = rows.iter().map(|row| profile.function_name(row.function)).collect();
        assert_eq!(names.join(" "), expect, "{sort}");
    }

    #[test]
    fn columns_sort_both_ways_and_after_each_other() {
        check("", "C A B D");
        check("total", "A C B D");
        check("-total", "B D C A");
        check("-self,-name", "A B D C");
        check("name", "D C B A");
        check("nonsense,-name", "A B C D");
    }

    #[test]
    fn a_click_sorts_and_another_turns_around() {
        let text = |order: &[Sort]| {
            let words = order.iter().map(|s| format!("{}{}", s.column, if s.descending { "↓" } else { "↑" }));
            words.collect::<Vec<_>>().join(" ")
        };
        let once = clicked(&[], Column::Total, false);
        assert_eq!(text(&once), "total↓");
        assert_eq!(text(&clicked(&once, Column::Total, false)), "total↑");
        let both = clicked(&once, Column::Name, true);
        assert_eq!(text(&both), "total↓ name↑");
        assert_eq!(text(&clicked(&both, Column::Total, true)), "total↑ name↑");
        assert_eq!(direction(&[], Column::SelfTime), Some(true));
        assert_eq!(direction(&both, Column::Name), Some(false));
        assert_eq!(direction(&both, Column::SelfTime), None);
    }
}
