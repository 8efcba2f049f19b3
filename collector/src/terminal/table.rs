//! Columns of text, aligned.

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    right: bool,
}

impl Column {
    /// Text begins at the same place.
    #[must_use]
    pub fn left(title: &'static str) -> Self {
        Self { title, right: false }
    }

    /// Numbers end at the same place.
    #[must_use]
    pub fn right(title: &'static str) -> Self {
        Self { title, right: true }
    }
}

/// Rows below their titles, two blanks between columns. A row may be shorter than there are columns.
#[must_use]
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let cell = |row: &[String], index: usize| row.get(index).map_or(0, |text| text.chars().count());
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| rows.iter().map(|row| cell(row, index)).fold(column.title.chars().count(), usize::max))
        .collect();
    let titles: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for ((value, column), &width) in row.iter().zip(columns).zip(&widths) {
            let blanks = " ".repeat(width.saturating_sub(value.chars().count()));
            line.extend(if column.right { [&blanks, value, "  "] } else { [value, &blanks, "  "] });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned_and_no_line_ends_in_blanks() {
        let rows = [vec!["1".to_owned(), "µs".to_owned()], vec!["200".to_owned()]];
        assert_eq!(table(&[Column::right("no."), Column::left("name")], &rows), "no.  name\n  1  µs\n200\n");
    }
}
