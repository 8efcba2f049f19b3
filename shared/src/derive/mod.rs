//! What views and reports need, derived from a profile by pure functions on columns.
//!
//! `selection` restricts and transforms, `call_tree` adds up, `flame_layout` places, `search` finds. Nothing here recurses
//! on the depth of a stack, formats a number or knows of a screen.

pub mod area;
pub mod axis;
pub mod caches;
pub mod call_tree;
pub mod calls;
pub mod diff;
pub mod flame_layout;
pub mod function_tree;
pub mod interval;
pub mod lanes;
pub mod languages;
pub mod lines;
pub mod memory;
pub mod overview;
pub mod package;
pub mod row_order;
pub mod runs;
pub mod sandwich;
pub mod search;
pub mod selection;
pub mod source;
pub mod summary;
pub mod timeline;
pub mod top_table;
pub mod transform;
pub mod viewport;
pub mod ways;
