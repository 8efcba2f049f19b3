//! Parts that several views share.

pub mod chips;
pub mod choices;
pub mod clipboard;
pub mod command;
pub mod cpu_strip;
pub mod dom;
pub mod facts;
pub mod flame_canvas;
pub mod honesty;
pub mod key_dialog;
pub mod link;
pub mod loading;
pub mod memo;
pub mod moment;
pub mod plot;
pub mod rows;
pub mod runs;
pub mod spark;
pub mod time_drag;
pub mod top_bar;
pub mod views_bar;
pub mod virtual_rows;
pub mod warnings;
