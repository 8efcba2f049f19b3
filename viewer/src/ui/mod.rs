//! Parts that several views share.

pub mod chips;
pub mod facts;
pub mod key_dialog;
pub mod loading;
pub mod top_bar;
pub mod views_bar;
