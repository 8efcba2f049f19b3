//! Starting the program and staying out of its way: fork, exec, signals, job control, exit status.
//!
//! The program shares our process group, terminal, standard streams and everything else that it would have had without
//! us. Must not sample or write files.

mod again;
mod child;
mod clock;
mod inherited;
mod job;
mod signals;
mod target;

pub use again::{Again, ChildEnd, this_program};
pub use child::{ExecError, Reaped, Running, Variable, Waiting};
pub use clock::{Clock, monotonic_ns};
pub use inherited::Inherited;
pub use job::{End, wait_for_end};
pub use signals::{Forwarder, Held};
pub use target::{EndSignals, Target, TargetError};
